package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
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

// Stats counts what a function has done.
type Stats struct {
	// Counters has calls, errors, cold and others, by name.
	Counters map[string]uint64
	Phases   map[string]PhaseStats
}

// PhaseStats is how often a phase of serving took place, and how long it took.
type PhaseStats struct {
	Calls   uint64  `json:"calls"`
	MeanMS  float64 `json:"mean_ms"`
	TotalMS float64 `json:"total_ms"`
}

// UnmarshalJSON reads the API's form, in which the phases are beside the counters.
func (s *Stats) UnmarshalJSON(text []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	*s = Stats{Counters: map[string]uint64{}, Phases: map[string]PhaseStats{}}
	for name, member := range members {
		if name == "phases" {
			if err := json.Unmarshal(member, &s.Phases); err != nil {
				return fmt.Errorf("phases: %w", err)
			}
			continue
		}
		var n uint64
		if err := json.Unmarshal(member, &n); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		s.Counters[name] = n
	}
	return nil
}

// MarshalJSON writes the API's form.
func (s Stats) MarshalJSON() ([]byte, error) {
	members := map[string]any{"phases": s.Phases}
	for name, n := range s.Counters {
		members[name] = n
	}
	return json.Marshal(members)
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
