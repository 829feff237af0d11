// The plain Go map server that Kivi is measured beside.
module kivi.dev/bench/go-map

go 1.24.0

require github.com/gorilla/mux v1.8.1
