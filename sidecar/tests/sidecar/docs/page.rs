//! A page of Markdown as the steps that it shows: settings (`yaml`), what the server answers from then on
//! (`http server`), and exchanges with the sidecar (`http`).

/// A block of a page.
#[derive(Debug)]
pub(super) enum Step {
    /// A sidecar with this configuration, in front of a server that answers nothing yet.
    Settings(String),
    /// What the server answers to requests that have at least these fields.
    Server(Request, Answer),
    /// What a client sends, and gets.
    Exchange(Exchange),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) fields: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: String,
}

#[derive(Debug)]
pub(super) struct Exchange {
    /// Of the page, where it stands.
    pub(super) line: usize,
    /// How many clients send it at once.
    pub(super) clients: usize,
    /// How long after the one before.
    pub(super) seconds_later: u64,
    /// When a load that nobody waits for has ended.
    pub(super) after_refresh: bool,
    /// How often the server is asked because of it, where the page says so.
    pub(super) asked: Option<usize>,
    pub(super) request: Request,
    /// Each client gets one of these, and each of these is got.
    pub(super) answers: Vec<Answer>,
}

/// The steps of a page, or which line is not understood.
pub(super) fn steps(page: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut lines = page.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> =
            lines.by_ref().map(|(line, _)| line).take_while(|line| *line != "```").collect();
        let step = match kind {
            "yaml" => Some(Step::Settings(block.join("\n"))),
            "http server" => server(&block),
            "http" => exchange(&block, number).map(Step::Exchange),
            _ => None,
        };
        steps.push(step.ok_or_else(|| format!("line {number}: the block is not understood"))?);
    }
    Ok(steps)
}

fn server(block: &[&str]) -> Option<Step> {
    let (head, body) = split(block);
    Some(Step::Server(request(head)?, answer(body)?))
}

fn exchange(block: &[&str], line: usize) -> Option<Exchange> {
    let (notes, block) = block.split_at(block.iter().take_while(|line| line.starts_with("# ")).count());
    let (head, answers) = split(block);
    let answers = answers.split(|line| *line == "---").map(answer).collect::<Option<_>>()?;
    let mut exchange = Exchange {
        line,
        clients: 1,
        seconds_later: 0,
        after_refresh: false,
        asked: None,
        request: request(head)?,
        answers,
    };
    for note in notes.iter().flat_map(|line| line[2..].split("; ")) {
        match note.split(' ').collect::<Vec<_>>()[..] {
            [clients, "clients", "at", "once"] => exchange.clients = clients.parse().ok()?,
            [seconds, "seconds", "later"] => exchange.seconds_later = seconds.parse().ok()?,
            ["a", "moment", "later"] => exchange.after_refresh = true,
            ["the", "server", "is", "asked", "once"] => exchange.asked = Some(1),
            ["the", "server", "is", "not", "asked"] => exchange.asked = Some(0),
            _ => return None,
        }
    }
    Some(exchange)
}

fn request(head: &[&str]) -> Option<Request> {
    let (first, fields) = head.split_first()?;
    let (method, path) = first.split_once(' ')?;
    Some(Request { method: method.to_owned(), path: path.to_owned(), fields: self::fields(fields)? })
}

fn answer(lines: &[&str]) -> Option<Answer> {
    let (head, body) = split(lines);
    let (first, fields) = head.split_first()?;
    let status = first.split(' ').next()?.parse().ok()?;
    Some(Answer { status, fields: self::fields(fields)?, body: body.join("\n") })
}

/// What is before the first empty line, and what is after it.
fn split<'a, 'b>(lines: &'a [&'b str]) -> (&'a [&'b str], &'a [&'b str]) {
    let end = lines.iter().position(|line| line.is_empty()).unwrap_or(lines.len());
    (&lines[..end], lines.get(end + 1..).unwrap_or_default())
}

fn fields(lines: &[&str]) -> Option<Vec<(String, String)>> {
    let field = |line: &&str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    lines.iter().map(field).collect()
}
