package gateway

import (
	"bufio"
	"encoding/json"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/mayfly-faas/mayfly/host/logs"
)

// heartbeat is how often a followed log that is silent sends a comment, by which a client that has gone away is noticed.
const heartbeat = 15 * time.Second

// logs answers with the last n lines as JSON, a line each; with follow, as server-sent events that go on with what comes.
func (s *Server) logs(ctx *fasthttp.RequestCtx) {
	log, err := s.options.Runtime.Log(name(ctx))
	if err != nil {
		s.fail(ctx, err)
		return
	}
	args := ctx.QueryArgs()
	n := 100
	if args.Has("n") {
		if n, err = args.GetUint("n"); err != nil {
			s.problem(ctx, problem{status: fasthttp.StatusBadRequest, kind: "bad-request", title: "Bad request", detail: "n must be a number of lines, such as n=100"})
			return
		}
	}
	ctx.Response.Header.Set(headerRequestID, requestID(ctx))
	ctx.Response.Header.Set("Cache-Control", "no-store")
	if args.GetBool("follow") {
		s.followLog(ctx, log, n)
		return
	}
	ctx.SetContentType("application/x-ndjson")
	for _, line := range log.Last(n) {
		ctx.Response.AppendBody(append(encodeLine(line), '\n'))
	}
}

func (s *Server) followLog(ctx *fasthttp.RequestCtx, log *logs.Log, n int) {
	ctx.SetContentType("text/event-stream")
	ctx.SetBodyStreamWriter(func(w *bufio.Writer) {
		last, feed, stop := log.Follow(n)
		defer stop()
		for _, line := range last {
			if !sendEvent(w, line) {
				return
			}
		}
		if w.Flush() != nil {
			return
		}
		alive := time.NewTicker(heartbeat)
		defer alive.Stop()
		for {
			select {
			case line := <-feed:
				if !sendEvent(w, line) {
					return
				}
			case <-alive.C:
				if _, err := w.WriteString(": alive\n\n"); err != nil {
					return
				}
			case <-s.draining:
				return
			}
			if w.Flush() != nil {
				return
			}
		}
	})
}

// sendEvent writes a line as a server-sent event, and reports whether the client is still there.
func sendEvent(w *bufio.Writer, line logs.Line) bool {
	_, err := w.WriteString("data: " + string(encodeLine(line)) + "\n\n")
	return err == nil
}

func encodeLine(line logs.Line) []byte {
	text, err := json.Marshal(line)
	if err != nil {
		panic("a log line cannot be encoded: " + err.Error()) // all of it is text, numbers and a time
	}
	return text
}
