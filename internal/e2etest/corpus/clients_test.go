package corpus

import (
	"os"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// patience of a client. Who gave up stays in the queue of a server that accepts nobody.
const patience = time.Second

// ask asks by an open connection and gives the letter of who answered, 0 for nobody.
func ask(c *os.File, word string) byte {
	if c.SetDeadline(time.Now().Add(patience)) != nil {
		return 0
	}
	b := make([]byte, 1)
	if _, err := c.WriteString(word); err != nil {
		return 0
	}
	if n, err := c.Read(b); n != 1 || err != nil {
		return 0
	}
	return b[0]
}

// ask connects and asks; not to be answered fails the test.
func (s *scene) ask(word string) *os.File {
	s.t.Helper()
	c, err := s.ns.Connect(port)
	if err != nil {
		s.t.Fatal(err)
	}
	if ask(c, word) == 0 {
		s.t.Fatalf("it did not answer %q", word)
	}
	return c
}

// keep opens a connection that stays for as long as the test, takes what comes by it,
// and asks now and then if it is to talk.
func (s *scene) keep(talk bool) {
	s.t.Helper()
	c, err := s.ns.Connect(port)
	if err != nil {
		s.t.Fatal(err)
	}
	go func() {
		b := make([]byte, 4096)
		for {
			if _, err := c.Read(b); err != nil {
				return
			}
		}
	}()
	if talk {
		livetest.Every(s.t, 500*time.Millisecond, func() { _, _ = c.Write([]byte("x")) })
	}
	s.t.Cleanup(func() { _ = c.Close() })
}

// load has clients come, and come again, until the test ends.
func (s *scene) load() {
	if s.row.quiet {
		return
	}
	word := "x"
	if s.row.http {
		word = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	}
	for range 2 {
		livetest.Every(s.t, 300*time.Millisecond, func() {
			c, err := s.ns.Connect(port)
			if err != nil {
				return
			}
			switch ask(c, word) {
			case 'g', 'H': // of the zoo, of HTTP
				s.answers.Add(1)
				if s.row.http { // long enough that the tier of queues sees a connection
					time.Sleep(1200 * time.Millisecond)
				}
			case 0:
			default:
				s.others.Add(1)
			}
			_ = c.Close()
		})
	}
}
