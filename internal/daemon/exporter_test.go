package daemon

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// TestProbedInACrowd: whoever holds many connections to the metrics, or reads no scrape,
// keeps no probe from being answered.
func TestProbedInACrowd(t *testing.T) {
	var logged livetest.Messages
	e, err := Serve(slog.New(slog.NewTextHandler(&logged, nil)), "127.0.0.1:0", 10, time.Second, "devel")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	e.Publish(&listener.Snapshot{Time: time.Now()}, nil, false)
	_, rest, _ := strings.Cut(logged.String(), "address=")
	address := strings.TrimSpace(rest)
	for i := range 3 * mostScrapers {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if i%2 == 0 { // half a request
			if _, err := c.Write([]byte("GET /metrics HTTP/1.1\r\nHost: ")); err != nil {
				t.Fatal(err)
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, path := range []string{"/healthz", "/metrics"} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || len(bytes.TrimSpace(b)) == 0 {
			t.Errorf("%s: %s, %v", path, resp.Status, err)
		}
	}
}
