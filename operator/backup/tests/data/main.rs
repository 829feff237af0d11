//! Backups of a real server, in a folder: taken, archived behind, restored at any revision; interrupted at each step, and
//! damaged in every object.

#[cfg(test)]
mod archive;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod faulty;
#[cfg(test)]
mod interrupted;
#[cfg(test)]
mod pasts;
#[cfg(test)]
mod restore;
#[cfg(test)]
mod running;
