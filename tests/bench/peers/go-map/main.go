// A key-value server as one writes it in an afternoon: a map behind a lock, gorilla/mux, and a text log that
// is written but never synced. The peer that says what a plain Go service does on this machine.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/gorilla/mux"
)

type store struct {
	lock   sync.RWMutex
	values map[string]string
	events chan event
}

type event struct {
	kind, key, value string
}

func (s *store) get(w http.ResponseWriter, r *http.Request) {
	s.lock.RLock()
	value, found := s.values[mux.Vars(r)["key"]]
	s.lock.RUnlock()
	if !found {
		http.Error(w, "no such key", http.StatusNotFound)
		return
	}
	_, _ = io.WriteString(w, value)
}

func (s *store) put(w http.ResponseWriter, r *http.Request) {
	key := mux.Vars(r)["key"]
	value, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.lock.Lock()
	s.values[key] = string(value)
	s.lock.Unlock()
	s.events <- event{"PUT", key, string(value)}
	w.WriteHeader(http.StatusCreated)
}

func (s *store) delete(w http.ResponseWriter, r *http.Request) {
	key := mux.Vars(r)["key"]
	s.lock.Lock()
	delete(s.values, key)
	s.lock.Unlock()
	s.events <- event{"DELETE", key, ""}
	w.WriteHeader(http.StatusOK)
}

// Writes the log, a line an event, behind the answers.
func (s *store) run(file *os.File) {
	sequence := 0
	for event := range s.events {
		sequence++
		if _, err := fmt.Fprintf(file, "%d\t%s\t%s\t%s\n", sequence, event.kind, event.key, event.value); err != nil {
			log.Fatalf("cannot write the log: %v", err)
		}
	}
}

// Reads the log back.
func (s *store) replay(file *os.File) error {
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 2<<20)
	for lines.Scan() {
		fields := strings.SplitN(lines.Text(), "\t", 4)
		if len(fields) != 4 {
			return fmt.Errorf("not an event: %q", lines.Text())
		}
		if fields[1] == "DELETE" {
			delete(s.values, fields[2])
		} else {
			s.values[fields[2]] = fields[3]
		}
	}
	return lines.Err()
}

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "where clients are served")
	path := flag.String("log", "transactions.log", "the log file")
	flag.Parse()

	file, err := os.OpenFile(*path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		log.Fatalf("cannot open the log: %v", err)
	}
	s := &store{values: map[string]string{}, events: make(chan event, 16)}
	if err := s.replay(file); err != nil {
		log.Fatalf("cannot read the log: %v", err)
	}
	go s.run(file)

	routes := mux.NewRouter()
	routes.HandleFunc("/v1/{key}", s.get).Methods(http.MethodGet)
	routes.HandleFunc("/v1/{key}", s.put).Methods(http.MethodPut)
	routes.HandleFunc("/v1/{key}", s.delete).Methods(http.MethodDelete)
	log.Fatal(http.ListenAndServe(*listen, routes))
}
