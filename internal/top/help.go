package top

import "strings"

// helpLines is the page of keys and words.
func (m *model) helpLines() []string {
	text := `reusewatch top

KEYS
  up down j k            move; PgUp PgDn Home End too
  enter                  all about the selected listener, as explain tells it
  /                      filter by words: address, command, pid, user, namespace,
                         container, verdict; esc clears it
  s S                    sort by the next, the last: worst, queue, oldest, rate,
                         address, pid, command
  g                      groups on and off
  p space                pause and go on
  c K                    close the listener, kill its process: asks first, and
                         needs --allow-actions
  q                      leave

MARKS AND VERDICTS
  !  STUCK               the same client has stood at the head of the queue for
                         --stuck-after: nobody accepts
  ?  suspect             it looks like that, and is watched closely
  ~  slow                it accepts, but clients wait long
     accepting           it accepted in the last minute
     idle                nobody came in the last minute, as far as is known
     -                   too early to tell

COLUMNS
  QUEUE                  clients that wait, of how many that may (Recv-Q/Send-Q)
  OLDEST                 how long the one at the head has waited by now
  SYN/s                  new connections that the kernel gave to it to begin
  QUEUED/s ACC/s         those that came into its queue, and were accepted
  SHARE                  of the group's new connections in the last minute
  LAST MINUTE            new connections, each row by its own highest
  DECISION               what a run does or would do, or the reason why it holds
  A dash is what the tier cannot know; > before a sum, that some of it is not known.`
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = m.glyphs.words(lines[i])
	}
	return lines
}
