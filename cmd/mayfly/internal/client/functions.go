package client

import (
	"bytes"
	"context"
	"net/http"
	"net/url"

	"github.com/mayfly-faas/mayfly/runtime"
)

// Deployed tells of a deploy.
type Deployed struct {
	Function string          `json:"function"`
	Version  runtime.Version `json:"version"`
	// PhasesMS is how many milliseconds load, compile and boot took.
	PhasesMS map[string]float64 `json:"phases_ms"`
}

// Stats is what a function has done.
type Stats struct {
	Calls  uint64 `json:"calls"`
	Cold   uint64 `json:"cold"`
	Errors uint64 `json:"errors"`
	// Outcomes are how calls went wrong, and how often.
	Outcomes map[string]uint64 `json:"outcomes"`
	// PhasesMS is how long each phase took, in the calls that had it.
	PhasesMS    map[string]Distribution `json:"phases_ms"`
	CPUMS       Distribution            `json:"cpu_ms"`
	MemoryBytes Distribution            `json:"memory_bytes"`
	Pages       Distribution            `json:"pages"`
	HotPages    Distribution            `json:"hot_pages"`
}

// Distribution is how many calls had values of each size.
type Distribution struct {
	Calls uint64  `json:"calls"`
	Total float64 `json:"total"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
	// Histogram has the buckets in which there are calls, in order.
	Histogram []struct {
		Bound float64 `json:"le"`
		Calls uint64  `json:"calls"`
	} `json:"histogram"`
}

func functionPath(name, rest string) string { return "functions/" + url.PathEscape(name) + rest }

// Deploy sends an artifact as the next version of the function called name.
func (c *Client) Deploy(ctx context.Context, name string, artifact []byte, lazy bool) (d Deployed, err error) {
	path := functionPath(name, "")
	if lazy {
		path += "?lazy=true"
	}
	err = c.receive(ctx, http.MethodPut, path, bytes.NewReader(artifact), &d)
	return d, err
}

// Functions returns all functions, by name.
func (c *Client) Functions(ctx context.Context) ([]runtime.Function, error) {
	var answer struct {
		Functions []runtime.Function `json:"functions"`
	}
	err := c.exchange(ctx, http.MethodGet, "functions", nil, &answer)
	return answer.Functions, err
}

// Function returns one function.
func (c *Client) Function(ctx context.Context, name string) (f runtime.Function, err error) {
	err = c.exchange(ctx, http.MethodGet, functionPath(name, ""), nil, &f)
	return f, err
}

// Stats returns a function's counters.
func (c *Client) Stats(ctx context.Context, name string) (s Stats, err error) {
	err = c.exchange(ctx, http.MethodGet, functionPath(name, "/stats"), nil, &s)
	return s, err
}

// Versions returns all versions of a function, the oldest first.
func (c *Client) Versions(ctx context.Context, name string) ([]runtime.Version, error) {
	var answer struct {
		Versions []runtime.Version `json:"versions"`
	}
	err := c.exchange(ctx, http.MethodGet, functionPath(name, "/versions"), nil, &answer)
	return answer.Versions, err
}

// Rollback makes another version live: the one called number, or for 0 the one before the live one.
func (c *Client) Rollback(ctx context.Context, name string, number uint64) (f runtime.Function, err error) {
	body := map[string]uint64{}
	if number > 0 {
		body["version"] = number
	}
	err = c.exchange(ctx, http.MethodPost, functionPath(name, "/rollback"), body, &f)
	return f, err
}

// Delete removes a function with all its versions.
func (c *Client) Delete(ctx context.Context, name string) error {
	return c.exchange(ctx, http.MethodDelete, functionPath(name, ""), nil, nil)
}

// Unload makes the server drop what the function's next request would find ready. From is "image", "module", "disk" or "nothing".
func (c *Client) Unload(ctx context.Context, name, from string) error {
	return c.exchange(ctx, http.MethodPost, functionPath(name, "/unload"), map[string]string{"from": from}, nil)
}
