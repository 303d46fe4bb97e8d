package daemon

import (
	"bytes"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
	"github.com/reusewatch/reusewatch/internal/record"
)

// hungDisk is a disk that takes nothing while its lock is held.
type hungDisk struct {
	sync.Mutex
	to io.Writer
}

func (h *hungDisk) Write(b []byte) (int, error) {
	h.Lock()
	defer h.Unlock()
	return h.to.Write(b)
}

// suspected is a look with something to record, of some size.
func suspected(second int) (*listener.Snapshot, []listener.Judgement) {
	l := &listener.Listener{Sample: listener.Sample{Key: 1, Cookie: 1, Local: netip.MustParseAddrPort("127.0.0.1:80")}}
	l.Owners = []listener.Owner{{Holder: &listener.Holder{PID: 10, User: strings.Repeat("x", 50_000)}}}
	s := &listener.Snapshot{Time: time.Unix(int64(second), 0).UTC(), Listeners: []*listener.Listener{l}}
	return s, []listener.Judgement{{Listener: l, Verdict: listener.Suspect}}
}

// TestRecordingHangs: a disk that takes nothing makes nobody wait; what found no room is
// told and counted, and what was written is whole.
func TestRecordingHangs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rec")
	var logged livetest.Messages
	r, err := newRecorder(slog.New(slog.NewTextHandler(&logged, nil)), path, record.Header{})
	if err != nil {
		t.Fatal(err)
	}
	disk := &hungDisk{to: r.file}
	r.lines = NewOutlet(disk)
	r.looks = record.NewLooks(r.lines)
	disk.Lock()
	const looks = 2 * outletRoom / 50_000
	lost := 0
	for second := range looks {
		lost += r.add(suspected(second))
	}
	text := logged.String()
	if got := strings.Count(text, "\n"); got != 1 || !strings.Contains(text, "left out of the recording") {
		t.Errorf("%d lines are logged:\n%s", got, text)
	}
	disk.Unlock()
	livetest.Eventually(t, "there is room to tell of it", func() bool {
		lost += r.lines.left()
		return lost > 0
	})
	lost += r.add(suspected(looks))
	r.close()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	read, last := 0, time.Time{}
	bad, err := record.Read(bytes.NewReader(b), func(_ record.Header, s *listener.Snapshot) error {
		read, last = read+1, s.Time
		return nil
	})
	if err != nil || len(bad) > 0 || read+lost != looks+1 || read < looks/3 || !last.Equal(time.Unix(looks, 0)) {
		t.Errorf("%d looks read, the last of %s, %d left out, of %d; lines %v are bad, %v",
			read, last, lost, looks+1, bad, err)
	}
}
