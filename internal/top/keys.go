package top

import (
	"slices"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// key answers one key.
func (m *model) key(k tea.KeyPressMsg) tea.Cmd {
	name := k.String()
	m.note = ""
	switch {
	case name == "ctrl+c":
		return tea.Quit
	case name == "ctrl+z":
		return tea.Suspend
	case m.dialog.open():
		return m.dialog.key(m, name)
	case m.typing:
		m.typed(k)
		return nil
	}
	switch m.screen {
	case screenDetail:
		return m.detailKey(name)
	case screenHelp:
		if leaves(name) || name == "?" {
			m.screen = screenList
		} else {
			m.help.key(name, m.pageHeight())
		}
		return nil
	default:
		return m.listKey(name)
	}
}

// leaves are the keys that lead back.
func leaves(name string) bool { return name == "esc" || name == "q" || name == "backspace" }

func (m *model) listKey(name string) tea.Cmd {
	page := max(1, m.listHeight()-1)
	switch name {
	case "q":
		return m.quit()
	case "down", "j":
		m.move(m.at+1, 1)
	case "up", "k":
		m.move(m.at-1, -1)
	case "pgdown", "ctrl+f", "ctrl+d":
		m.move(m.at+page, 1)
	case "pgup", "ctrl+b", "ctrl+u":
		m.move(m.at-page, -1)
	case "home":
		m.move(0, 1)
		m.follow = true
	case "end", "G":
		m.move(len(m.rows)-1, -1)
	case "enter", "right", "l":
		return m.openDetail()
	case "/":
		m.typing = true
	case "esc":
		m.setFilter("")
	case "s":
		m.sortBy(1)
	case "S":
		m.sortBy(-1)
	case "g":
		m.view.Flat = !m.view.Flat
		m.rearrange()
	case "p", "space":
		m.pause()
	case "c":
		return m.ask(listener.Close)
	case "K":
		return m.ask(listener.Kill)
	case "?":
		m.screen = screenHelp
		m.help = pager{lines: m.helpLines()}
	}
	return nil
}

// quit, unless something is under way that should be seen to its end.
func (m *model) quit() tea.Cmd {
	if m.dialog.running() {
		m.note = "an act is under way: Ctrl-C leaves all the same"
		return nil
	}
	return tea.Quit
}

func (m *model) rearrange() {
	if m.table != nil {
		m.table.sort(m.view.Sort, nil)
		m.arrange()
	}
}

func (m *model) sortBy(step int) {
	all := Sorts()
	i := slices.Index(all, m.view.Sort) + step
	m.view.Sort = all[(i+len(all))%len(all)]
	m.hold = 0
	m.note = "sorted by " + string(m.view.Sort)
	m.rearrange()
}

func (m *model) pause() {
	m.paused = !m.paused
	if m.paused {
		return
	}
	if m.next != nil {
		m.came = m.nextAt
		m.show(m.next)
		m.next = nil
	}
}

func (m *model) setFilter(s string) {
	m.view.Filter = s
	m.filter = newFilter(s)
	if m.table != nil {
		m.arrange()
	}
}

// typed is a key while the filter is typed.
func (m *model) typed(k tea.KeyPressMsg) {
	f := m.view.Filter
	switch k.String() {
	case "enter", "down", "up":
		m.typing = false
	case "esc":
		m.typing = false
		m.setFilter("")
	case "backspace", "ctrl+h":
		_, n := utf8.DecodeLastRuneInString(f)
		m.setFilter(f[:len(f)-n])
	case "ctrl+u", "ctrl+w":
		m.setFilter("")
	default:
		if k.Text != "" {
			m.setFilter(f + m.glyphs.text(k.Text))
		}
	}
}
