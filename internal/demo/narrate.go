package demo

import (
	"fmt"
	"time"

	"github.com/reusewatch/reusewatch/internal/text"
)

func tellTitle(p *printer) {
	p.write(p.paint(bold, "reusewatch demo: a server that hangs, found and ended") + "\n")
	p.say("All of it happens in a network namespace of its own: your services are not touched.")
}

func tellStage(p *printer, older, newer int) {
	p.step(1, "Two servers share one port, as after a reload that went wrong")
	p.item("old  ", red, fmt.Sprintf("pid %d listens on %s and never accepts: it hangs in open() of a log pipe that nobody reads", older, site()))
	p.item("new  ", green, fmt.Sprintf("pid %d listens there too, and answers", newer))
	p.say("With SO_REUSEPORT the kernel deals out new connections to both. %d clients now begin %d requests a second, each on a new connection, and give up after %s.",
		clientCount, clientCount*int(time.Second)/int(clientEvery), inSeconds(clientGiveUp))
}

func tellBefore(p *printer, c *counts) {
	p.say("%d requests: %d answered, %s", c.begun, c.answered, p.paint(red, fmt.Sprintf("%d hung (%s)", c.hung, c.share(c.hung))))
	p.say("Health checks (can it connect?) passed %s: the kernel completes the handshake for the server that hangs, too.", passed(c))
}

func tellAfter(p *printer, c *counts) {
	s := green
	if c.hung > 0 {
		s = red
	}
	p.say("%d requests: %d answered, %s", c.begun, c.answered, p.paint(s, fmt.Sprintf("%d hung (%s)", c.hung, c.share(c.hung))))
}

// tellEvent tells an event in plain words, with the seconds since began.
func tellEvent(p *printer, e *event, began time.Time) {
	said := tell(e)
	if said == "" {
		return
	}
	head := fmt.Sprintf("%5.1f s  %-8s ", e.Time.Sub(began).Seconds(), text.Printable(e.Event))
	p.item(head, styleOf(e.Event), text.Printable(said))
}

func styleOf(event string) style {
	switch event {
	case "stuck", "act_failed":
		return red
	case "suspect", "held":
		return yellow
	case "acted":
		return green
	default:
		return plain
	}
}

func tellEnd(p *printer, o *outcomes, took time.Duration) {
	p.table(compare(&o.before, &o.after))
	p.write("\n")
	if b := &o.between; b.begun > 0 {
		p.say("Between the two, while reusewatch made sure: %d requests, %d hung, %d reset when the old server went.", b.begun, b.hung, b.reset)
	}
	p.say("Took %.0f s. Servers, clients, namespace and kernel programs are gone.", took.Seconds())
	p.write("\nNext:  reusewatch list   shows the listeners of this host, and who hangs\n" +
		"       reusewatch run    watches them; it ends nothing unless --action kill\n")
}
