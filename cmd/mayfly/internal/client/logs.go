package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/mayfly-faas/mayfly/host/logs"
)

// maxEvent bounds a line of a log as it is sent: in JSON a byte can become six.
const maxEvent = 8*logs.MaxLine + 4<<10

// Logs calls each with the last n lines of a function's log, oldest first, and with follow goes on with those that come, until ctx
// ends or each returns an error, which it then returns.
func (c *Client) Logs(ctx context.Context, name string, n int, follow bool, each func(logs.Line) error) error {
	path := functionPath(name, "/logs?n="+strconv.Itoa(n))
	if follow {
		path += "&follow=1"
	}
	resp, err := c.manage(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	scanner := bufio.NewScanner(resp.Body)
	scanner.Buffer(nil, maxEvent)
	for scanner.Scan() {
		text := scanner.Bytes()
		if follow {
			// What is no data is an empty line or a comment: the server sends no other fields.
			var ok bool
			if text, ok = bytes.CutPrefix(text, []byte("data:")); !ok {
				continue
			}
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		var line logs.Line
		if err := json.Unmarshal(text, &line); err != nil {
			return fmt.Errorf("read the log of %s: %w", name, err)
		}
		if err := each(line); err != nil {
			return err
		}
	}
	switch err := scanner.Err(); {
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return c.unreachable(ctx, err)
	case follow && ctx.Err() == nil:
		return &unreachableError{fmt.Sprintf("the server at %s has stopped", c.base), err}
	}
	return ctx.Err()
}
