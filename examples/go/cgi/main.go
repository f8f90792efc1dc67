// Command cgi is an ordinary net/http handler, served by the standard library's net/http/cgi.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/cgi"
)

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "POST a JSON list of numbers to /sum")
	})
	mux.HandleFunc("POST /sum", sum)
	// The mux sees paths beneath the function's own.
	if err := cgi.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		prefix := "/fn/go-cgi"
		if r.URL.Path == prefix {
			r.URL.Path += "/"
		}
		http.StripPrefix(prefix, mux).ServeHTTP(w, r)
	})); err != nil {
		log.Fatal(err)
	}
}

func sum(w http.ResponseWriter, r *http.Request) {
	var numbers []float64
	if err := json.NewDecoder(r.Body).Decode(&numbers); err != nil {
		http.Error(w, "the body is not a JSON list of numbers: "+err.Error(), http.StatusBadRequest)
		return
	}
	var total float64
	for _, n := range numbers {
		total += n
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]float64{"sum": total})
}
