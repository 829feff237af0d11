// Command probe is what every pod's sandbox runs, and what tests run to look at the network from
// within a pod. It is static and needs no other file.
//
//	probe sleep                until asked to end
//	probe serve ADDRESS        answers each HTTP request with "ok"
//	probe get URL              prints status and body; certificates are not verified
//	probe connect HOST:PORT    says whether a TCP connection is accepted
//	probe scan HOST FIRST-LAST prints the TCP ports that accept a connection
//	probe resolve NAME         prints addresses
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const patience = 5 * time.Second

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 1 && arguments[0] == "sleep":
		sleep()
		return nil
	case len(arguments) == 2 && arguments[0] == "serve":
		return serve(arguments[1])
	case len(arguments) == 2 && arguments[0] == "get":
		return get(arguments[1])
	case len(arguments) == 2 && arguments[0] == "connect":
		return connect(arguments[1])
	case len(arguments) == 3 && arguments[0] == "scan":
		return scan(arguments[1], arguments[2])
	case len(arguments) == 2 && arguments[0] == "resolve":
		return resolve(arguments[1])
	}
	return fmt.Errorf("usage: probe sleep | serve ADDRESS | get URL | connect HOST:PORT | scan HOST FIRST-LAST | resolve NAME")
}

func sleep() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	<-end
}

func serve(address string) error {
	go func() {
		sleep()
		os.Exit(0)
	}()
	return http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(os.Stdout, r.Method, r.URL)
		fmt.Fprintln(w, "ok")
	}))
}

func get(url string) error {
	client := http.Client{
		Timeout:   patience,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true},
	}
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	fmt.Println(response.Proto, response.Status)
	_, err = io.Copy(os.Stdout, response.Body)
	return err
}

func connect(address string) error {
	connection, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return err
	}
	fmt.Println("connected to", connection.RemoteAddr())
	return connection.Close()
}

// scan tries every port of a range; a pod of this machine answers or refuses within a millisecond.
func scan(host, ports string) error {
	const atOnce, each = 64, time.Second
	var first, last int
	if _, err := fmt.Sscanf(ports, "%d-%d", &first, &last); err != nil {
		return fmt.Errorf("%q is not a range of ports: %w", ports, err)
	}
	open := make([]bool, last+1)
	turns := make(chan struct{}, atOnce)
	var trying sync.WaitGroup
	for port := first; port <= last; port++ {
		trying.Add(1)
		turns <- struct{}{}
		go func() {
			defer trying.Done()
			defer func() { <-turns }()
			connection, err := net.DialTimeout("tcp", net.JoinHostPort(host, strconv.Itoa(port)), each)
			if err == nil {
				open[port] = true
				connection.Close()
			}
		}()
	}
	trying.Wait()
	for port, accepts := range open {
		if accepts {
			fmt.Println(port)
		}
	}
	return nil
}

func resolve(name string) error {
	addresses, err := net.LookupHost(name)
	for _, address := range addresses {
		fmt.Println(address)
	}
	return err
}
