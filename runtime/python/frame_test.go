package python

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mayfly-faas/mayfly/runtime/call"
)

// response encodes a response's frame as the guest does.
func response(status uint32, header, body string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, status)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(header)))
	return append(append(b, header...), body...)
}

func TestResponseFrames(t *testing.T) {
	got, err := parseResponse(response(201, "Content-Type\x00text/plain\x00Connection\x00close\x00X-Empty\x00\x00", "hi"))
	if err != nil {
		t.Fatal(err)
	}
	want := &call.Response{Status: 201, Header: call.Header{{Name: "Content-Type", Value: "text/plain"}, {Name: "X-Empty"}}, Body: []byte("hi")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBadResponseFramesAreErrors(t *testing.T) {
	for name, frame := range map[string][]byte{
		"nothing":        nil,
		"half a head":    {1, 2, 3},
		"announced more": response(200, "A\x00b\x00", "")[:10],
		"huge length":    {200, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"status":         response(199, "", ""),
		"no value":       response(200, "X-A\x00", ""),
		"bad name":       response(200, "X A\x00v\x00", ""),
		"two lines":      response(200, "X-A\x00v\r\nX-B: w\x00", ""),
		"bad failure":    response(0, "", "exception"),
	} {
		if r, err := parseResponse(frame); !errors.Is(err, ErrResponse) {
			t.Errorf("%s: got %v, %v", name, r, err)
		}
	}
}

func TestFailureFrames(t *testing.T) {
	_, err := parseResponse(response(0, "", "exception\x00ValueError\x00bad\x00Traceback"))
	failure, ok := errors.AsType[*Failure](err)
	if !ok || failure.Error() != "ValueError: bad" || failure.Traceback != "Traceback" {
		t.Errorf("got %v", err)
	}
}

func FuzzParseResponse(f *testing.F) {
	f.Add(response(200, "A\x00b\x00", "body"))
	f.Add(response(0, "", "exception\x00T\x00m\x00t"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		r, err := parseResponse(frame)
		if err != nil {
			return
		}
		if r.Status < 200 || r.Status > 599 {
			t.Errorf("status %d", r.Status)
		}
		for _, h := range r.Header {
			if !call.ValidName(h.Name) || !call.ValidValue(h.Value) || call.ConnectionField(h.Name) {
				t.Errorf("header field %q", h)
			}
		}
	})
}
