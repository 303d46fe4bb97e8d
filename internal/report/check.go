package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/sentence"
	"github.com/reusewatch/reusewatch/internal/text"
)

// Check is what `check` found.
type Check struct {
	Watched   time.Duration
	Filtered  bool // by filters, which are to match something
	Listeners []listener.Judgement
	Stuck     []listener.Judgement // of these, the worst first
	// Expected is how many generations each group should have, 0 where that is not
	// asked; NewerThan, after when they should have begun, zero where that is not;
	// AsExpected, that it was so for a while.
	Expected   int
	NewerThan  time.Time
	AsExpected bool
}

// Failed says that something is stuck, that there is nothing to check, or that there
// are not as many generations as expected.
func (c *Check) Failed() bool {
	if c.Expected > 0 {
		return !c.AsExpected
	}
	return len(c.Stuck) > 0 || c.Filtered && len(c.Listeners) == 0
}

// CheckLine says it in one line for a person.
func CheckLine(c *Check) string {
	switch {
	case c.Expected > 0:
		return c.generationsLine()
	case len(c.Stuck) > 0:
		s := fmt.Sprintf("STUCK: %d of %s: %s", len(c.Stuck), text.Plural(len(c.Listeners), "listener"), sentence.Stuck(&c.Stuck[0]))
		if more := len(c.Stuck) - 1; more > 0 {
			s += fmt.Sprintf(" And %d more: `reusewatch list --stuck`.", more)
		}
		return s
	case c.Failed():
		return "NOTHING: no listener is what the filters ask for"
	default:
		return fmt.Sprintf("OK: %s, none stuck in %s", text.Plural(len(c.Listeners), "listener"), text.Span(c.Watched))
	}
}

// PluginLine says it as a monitoring plugin does, with performance data
// (https://www.monitoring-plugins.org/doc/guidelines.html).
func PluginLine(c *Check) string {
	state, text := "OK", strings.TrimPrefix(CheckLine(c), "OK: ")
	if c.Failed() {
		state, text = "CRITICAL", CheckLine(c)
	}
	var waiting uint32
	var oldest time.Duration
	for i := range c.Stuck {
		waiting += c.Stuck[i].Queue
		oldest = max(oldest, c.Stuck[i].OldestWait.Or(0))
	}
	return fmt.Sprintf("REUSEWATCH %s - %s | listeners=%d;;;0 stuck=%d;;0;0 waiting=%d;;;0 oldest=%.1fs;;;0",
		state, pluginText(text), len(c.Listeners), len(c.Stuck), waiting, oldest.Seconds())
}

// UnknownPluginLine says that nothing could be found out.
func UnknownPluginLine(err error) string { return "REUSEWATCH UNKNOWN - " + pluginText(err.Error()) }

// pluginText keeps to one line, and leaves the bar to the performance data.
func pluginText(s string) string { return strings.ReplaceAll(text.Printable(s), "|", "/") }
