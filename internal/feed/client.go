package feed

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// Client reads what a daemon serves.
type Client struct {
	path string
	http http.Client
}

// NewClient reads from the socket at path; nothing is connected yet.
func NewClient(path string) *Client {
	return &Client{path: path, http: http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return connect(ctx, path) },
	}}}
}

// Path is the socket's.
func (c *Client) Path() string { return c.path }

// Close closes what is still connected.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// get asks for one thing; the caller closes what it reads.
func (c *Client) get(ctx context.Context, what string) (io.ReadCloser, error) {
	// The host is a name only: the connection goes to the socket.
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://reusewatch"+what, nil)
	if err != nil {
		return nil, fmt.Errorf("ask the daemon at %s: %w", c.path, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the daemon at %s: %w", c.path, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	words, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
	if resp.StatusCode == http.StatusServiceUnavailable {
		return nil, fmt.Errorf("ask the daemon at %s: %w: %s", c.path, ErrBusy, strings.TrimSpace(string(words)))
	}
	if resp.StatusCode == http.StatusNotFound && strings.HasPrefix(what, "/v1/explain/") {
		return nil, fmt.Errorf("ask the daemon at %s: %w", c.path, ErrUnknown)
	}
	return nil, fmt.Errorf("ask the daemon at %s: %s: %s", c.path, resp.Status, strings.TrimSpace(string(words)))
}

// Snapshot gives the newest frame.
func (c *Client) Snapshot(ctx context.Context) (*wire.Frame, error) {
	body, err := c.get(ctx, "/v1/snapshot")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	f, err := wire.NewFrameReader(body).Next()
	if err != nil {
		return nil, fmt.Errorf("from the daemon at %s: %w", c.path, err)
	}
	return f, nil
}

// Explain tells all about one listener; an error that wraps ErrUnknown if there
// is none with this cookie.
func (c *Client) Explain(ctx context.Context, cookie listener.Cookie, clients int) (*wire.Explanation, error) {
	body, err := c.get(ctx, fmt.Sprintf("/v1/explain/%s?clients=%d", cookie, clients))
	if err != nil {
		return nil, err
	}
	defer body.Close()
	e, err := wire.ReadExplanation(body)
	if err != nil {
		return nil, fmt.Errorf("from the daemon at %s: %w", c.path, err)
	}
	return e, nil
}

// Stream is frames as they come. While it is open the daemon counts every listener.
type Stream struct {
	path   string
	body   io.ReadCloser
	frames *wire.FrameReader
	whole  whole
}

// Stream opens one; it ends with ctx or Close.
func (c *Client) Stream(ctx context.Context) (*Stream, error) {
	body, err := c.get(ctx, "/v1/stream")
	if err != nil {
		return nil, err
	}
	return &Stream{path: c.path, body: body, frames: wire.NewFrameReader(body)}, nil
}

// Next waits for the next frame; it is Complete.
func (s *Stream) Next() (*wire.Frame, error) {
	f, err := s.frames.Next()
	if err != nil {
		return nil, fmt.Errorf("from the daemon at %s: %w", s.path, err)
	}
	return s.whole.take(f), nil
}

// Close ends the stream.
func (s *Stream) Close() error { return s.body.Close() }
