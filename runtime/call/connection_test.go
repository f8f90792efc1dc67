package call

import "testing"

func TestConnectionFieldKnowsWhatTheServerSetsItself(t *testing.T) {
	for _, name := range []string{
		"Connection", "keep-alive", "Proxy-Connection", "TE", "te", "Trailer", "TRANSFER-ENCODING", "Upgrade", "content-length",
	} {
		if !ConnectionField(name) {
			t.Errorf("%s is passed on", name)
		}
	}
	for _, name := range []string{"", "Content-Type", "Content-Encoding", "Set-Cookie", "Date", "Connection-X", "Trailers"} {
		if ConnectionField(name) {
			t.Errorf("%s is not passed on", name)
		}
	}
}
