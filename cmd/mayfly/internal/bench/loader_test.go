package bench

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
	"github.com/mayfly-faas/mayfly/runtime/manifest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve returns a client of a server that answers by h.
func serve(t *testing.T, h http.HandlerFunc) *client.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := client.New(s.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func get() client.Call {
	return client.Call{Function: "f", Method: http.MethodGet, Header: http.Header{}}
}

// TestCorrectedLatencyHasTheWaitForAStalledServer has a server that answers its first request only when all others have been due. By then each has waited for
// as long as the schedule says, whatever the speed of the machine.
func TestCorrectedLatencyHasTheWaitForAStalledServer(t *testing.T) {
	release := make(chan struct{})
	var first sync.Once
	c := serve(t, func(http.ResponseWriter, *http.Request) { first.Do(func() { <-release }) })
	const requests, duration = 200, 200 * time.Millisecond
	s := LoadSettings{Rate: requests / duration.Seconds(), Duration: manifest.Duration(duration), Connections: 1}
	released := false
	load := RunLoad(context.Background(), c, get(), s, func(due, ended int64) {
		if due == requests && !released {
			released = true
			if ended != 0 {
				t.Errorf("%d requests ended while the server stalled", ended)
			}
			close(release)
		}
	})
	if load.Succeeded != requests {
		t.Fatalf("%d of %d requests succeeded: %v", load.Succeeded, load.Due, load.Errors)
	}
	corrected, http := load.by[phaseDue], load.by[phaseHTTP]
	// The request that was due when a part of the time was over has waited for the rest of it. Buckets round by a thousandth.
	for _, percent := range []float64{10, 50, 90} {
		least := duration.Seconds() * 1e3 * (percent/100 - 0.02)
		if got := corrected.percentile(percent); got < least {
			t.Errorf("the corrected p%g is %.1f ms, want at least %.1f", percent, got, least)
		}
	}
	if waited := corrected.mean() - http.mean(); waited < 0.49*duration.Seconds()*1e3 {
		t.Errorf("the correction is %.1f ms in the mean, want at least half of the stall", waited)
	}
}

func TestLoadCountsWhatFailsByStatusAndNotAsLatency(t *testing.T) {
	var calls atomic.Int64
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server-Timing", "run;dur=1.5, reset;dur=9")
		switch calls.Add(1) % 4 {
		case 1:
			w.Header().Set("X-Mayfly-Start", "cold")
		case 2:
			w.WriteHeader(http.StatusTooManyRequests)
		case 3:
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"type":"https://mayfly.dev/problems/server-busy","status":503,"detail":"too\nbusy"}`))
			return
		}
		_, _ = w.Write([]byte("body"))
	})
	call := get()
	call.Method, call.Body = http.MethodPost, []byte("12345")
	load := RunLoad(context.Background(), c, call, LoadSettings{Rate: 2000, Duration: manifest.Duration(20 * time.Millisecond), Connections: 3}, func(int64, int64) {})
	if diff := cmp.Diff(map[int]int64{200: 20, 429: 10, 503: 10}, load.Statuses); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	got := []any{load.Due, load.Sent, load.Succeeded, load.Cold, load.SuccessRatio, load.BytesSent, load.Err()}
	if diff := cmp.Diff([]any{int64(40), int64(40), int64(20), int64(10), 0.5, int64(200), nil}, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	texts := map[string]int64{}
	for _, e := range load.Errors {
		texts[e.Text] = e.Calls
	}
	if diff := cmp.Diff(map[string]int64{"f answered 429 Too Many Requests": 10, "too busy": 10}, texts); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	for _, s := range load.Summary {
		if s.Calls != 20 {
			t.Errorf("the summary of %s has %d calls, want those that succeeded", s.Phase, s.Calls)
		}
	}
	if run := load.by["run"].percentile(50); run < 1.5 || run > 1.502 {
		t.Errorf("the run took %g ms, want 1.5", run)
	}
	if sum := load.by[phaseTotal].percentile(50); sum < 1.5 || sum > 1.502 {
		t.Errorf("the total is %g ms, want that of run alone", sum)
	}
}

func TestInterruptedLoadReportsWhatWasMeasured(t *testing.T) {
	ctx, interrupt := context.WithCancel(context.Background())
	defer interrupt()
	var calls atomic.Int64
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if calls.Add(1) > 3 {
			interrupt()
			<-r.Context().Done()
		}
	})
	load := RunLoad(ctx, c, get(), LoadSettings{Rate: 1000, Duration: manifest.Duration(time.Hour), Connections: 1}, func(int64, int64) {})
	if !load.Interrupted || load.Succeeded != 3 || load.Sent != 4 || load.Due < 4 {
		t.Errorf("got %+v", load)
	}
	if len(load.Errors) != 1 || !strings.HasPrefix(load.Errors[0].Text, "cut off") {
		t.Errorf("errors: %v", load.Errors)
	}
	if w := load.Warnings(); len(w) == 0 || !strings.HasPrefix(w[0], "it was interrupted after") {
		t.Errorf("warnings: %q", w)
	}
}

func TestAsManyRequestsAreDueAsTheRateSays(t *testing.T) {
	for _, tc := range []struct {
		rate float64
		in   time.Duration
		want int64
	}{
		{200, 10 * time.Second, 2000}, {0.1, time.Second, 1}, {0.1, 30 * time.Second, 3}, {1.0 / 3, 9 * time.Second, 3}, {2.5, time.Second, 3},
		{1_000_000, 24 * time.Hour, 86_400_000_000},
	} {
		got := requests(tc.rate, tc.in)
		if off := float64(got-tc.want) / float64(tc.want); off > 1e-8 || off < -1e-8 {
			t.Errorf("%g/s for %s: %d requests, want %d", tc.rate, tc.in, got, tc.want)
		}
	}
}
