package daemon

import (
	"log/slog"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/record"
)

// recorder records beside the watcher: a disk that is full or hangs stops no look.
type recorder struct {
	log    *slog.Logger
	file   *record.Writer
	lines  *Outlet
	looks  *record.Looks
	failed bool // looks were left out at the last one
}

func newRecorder(log *slog.Logger, path string, h record.Header) (*recorder, error) {
	file, err := record.Create(path, h)
	if err != nil {
		return nil, err
	}
	lines := NewOutlet(file)
	return &recorder{log: log, file: file, lines: lines, looks: record.NewLooks(lines)}, nil
}

// add records a look, and says how many are known to have been left out since it was called
// last.
func (r *recorder) add(s *listener.Snapshot, js []listener.Judgement) (lost int) {
	err := r.looks.Add(s, js)
	failed := err != nil || r.lines.losing()
	if failed && !r.failed {
		r.log.Warn("looks are left out of the recording until it can be written again", "error", err)
	}
	r.failed = failed
	return r.lines.left()
}

// close ends the recording, unless its disk hangs.
func (r *recorder) close() {
	if !r.lines.End() {
		r.log.Warn("the end of the recording is not written: its disk takes nothing")
		return
	}
	if err := r.file.Close(); err != nil {
		r.log.Warn("end of the recording", "error", err)
	}
}
