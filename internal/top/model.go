package top

import (
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// screen is what fills the terminal.
type screen int

const (
	screenList screen = iota
	screenDetail
	screenHelp
)

// model is all that is shown. Only Update changes it.
type model struct {
	do     effects
	canAct bool
	from   string
	display
	frames
	list

	screen screen
	detail detail
	help   pager
	dialog *dialog
	note   string // until the next key
	err    error  // that ended it
}

// display is what it is drawn on.
type display struct {
	profile colorprofile.Profile
	dark    bool
	theme   theme
	glyphs  *glyphs
	width   int
	height  int
}

// frames are those that came.
type frames struct {
	history history
	table   *table    // of the frame that is shown; nil: none yet
	came    time.Time // when that came
	paused  bool
	next    *table    // of the last one that came while paused
	nextAt  time.Time // when that came
	now     time.Time
	seq     int // how many came
	lost    string
}

// list is what a person sees of a frame, and where in it they are.
type list struct {
	view    View
	filter  *filter
	typing  bool // into the filter
	rows    []row
	columns []column
	at      int // row that is selected, -1: none
	top     int // row at the top
	chosen  listener.Cookie
	follow  bool // the selection stays at the top until somebody moves it
	hold    int  // frames for which the order is held, after a move
}

// holdFrames is how many frames the order is held for after a move: nobody wants
// to chase a row.
const holdFrames = 3

func newModel(do effects, o Options, profile colorprofile.Profile, g glyphs) *model {
	m := &model{
		do: do, canAct: o.Act != nil, from: o.From,
		display: display{profile: profile, dark: true, glyphs: &g},
		list:    list{view: o.Initial, at: -1, follow: true},
	}
	if m.view.Sort == "" {
		m.view.Sort = Worst
	}
	m.filter = newFilter(m.view.Filter)
	m.theme = newTheme(profile, m.dark)
	return m
}

// Init asks for the first frame.
func (m *model) Init() tea.Cmd {
	cmds := []tea.Cmd{m.do.next(0)}
	if m.profile > colorprofile.ANSI {
		cmds = append(cmds, tea.RequestBackgroundColor)
	}
	return tea.Batch(cmds...)
}

// Update takes one message in.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	cmd := m.take(msg)
	if m.screen == screenList {
		m.keepInSight() // there may be less room for it now
	}
	return m, cmd
}

func (m *model) take(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = max(0, msg.Width), max(0, msg.Height)
		m.fitColumns()
		m.detail.refit(m)
	case tea.ColorProfileMsg:
		m.profile = msg.Profile
		m.theme = newTheme(m.profile, m.dark)
	case tea.BackgroundColorMsg:
		m.dark = msg.IsDark()
		m.theme = newTheme(m.profile, m.dark)
	case frameMsg:
		return m.takeFrame(msg)
	case tickMsg:
		if msg.seq != m.seq {
			return nil // of an older frame
		}
		m.now = msg.at
		return m.do.tick(time.Second, m.seq)
	case explainMsg:
		m.takeExplanation(msg)
	case saidMsg:
		return m.dialog.said(m, msg)
	case tea.PasteMsg:
		if m.typing {
			m.setFilter(m.view.Filter + m.glyphs.text(msg.Content))
		}
	case tea.KeyPressMsg:
		return m.key(msg)
	}
	return nil
}

// late is how long after a frame the clock goes on by itself: where frames come
// every second it need not.
func (m *model) late() time.Duration {
	if m.table != nil && m.table.frame.Interval > time.Second {
		return time.Second
	}
	return 1500 * time.Millisecond
}

func (m *model) takeFrame(msg frameMsg) tea.Cmd {
	switch {
	case msg.err != nil && lost(msg.err):
		m.lost = msg.err.Error()
		return m.do.next(time.Second)
	case msg.err != nil:
		m.err = msg.err
		return tea.Quit
	}
	m.seq++
	m.lost = ""
	m.history.add(msg.frame)
	m.now = msg.at
	t := newTable(msg.frame, &m.history)
	if m.paused {
		m.next, m.nextAt = t, msg.at
	} else {
		m.came = msg.at
		m.show(t)
	}
	cmds := []tea.Cmd{m.do.next(0), m.do.tick(m.late(), m.seq)}
	if cmd := m.refresh(); cmd != nil {
		cmds = append(cmds, cmd)
	}
	return tea.Batch(cmds...)
}

// show puts a frame in order. The selected listener stays selected, and where it
// is on the screen.
func (m *model) show(t *table) {
	m.table = t
	var held map[listener.Cookie]int
	if m.hold > 0 {
		m.hold--
		held = m.places()
	}
	t.sort(m.view.Sort, held)
	m.arrange()
}

// places is where each listener stands now.
func (m *model) places() map[listener.Cookie]int {
	held := make(map[listener.Cookie]int, len(m.rows))
	for i, r := range m.rows {
		if r.item != nil {
			held[r.item.j.Cookie] = i
		}
	}
	return held
}

// arrange works the rows out anew.
func (m *model) arrange() {
	before := m.at - m.top
	m.rows = m.table.rows(m.view.Flat, m.filter)
	m.fitColumns()
	at := -1
	if !m.follow {
		for i, r := range m.rows {
			if r.item != nil && r.item.j.Cookie == m.chosen {
				at = i
				m.top = i - before
				break
			}
		}
		if at < 0 {
			at = m.at // it has gone: what took its place
		}
	}
	m.selectRow(at, 1)
}

// since is how long ago the frame that is shown came; 0 while it stands still.
func (f *frames) since() time.Duration {
	if f.paused || f.lost != "" {
		return 0
	}
	return max(0, f.now.Sub(f.came))
}

// fitColumns is only about the frame and the width, not about what is in sight.
func (m *model) fitColumns() {
	if m.table == nil {
		return
	}
	address, where := 15, 10
	for _, g := range m.table.groups {
		indent := 0
		if !g.alone() && !m.view.Flat {
			indent = 2
		}
		for _, it := range g.members {
			address = max(address, indent+len(it.past.addr))
			where = max(where, len(it.j.NetnsName))
		}
	}
	m.columns = fitColumns(m.width, address, where)
}

// selected is the listener that the next key is about.
func (m *model) selected() (*listener.Judgement, bool) {
	if m.at < 0 || m.at >= len(m.rows) || m.rows[m.at].item == nil {
		return nil, false
	}
	return m.rows[m.at].item.j, true
}

// find gives a listener of the frame that is shown.
func (m *model) find(c listener.Cookie) (*listener.Judgement, bool) {
	if m.table == nil {
		return nil, false
	}
	for i := range m.table.frame.Listeners {
		if j := &m.table.frame.Listeners[i]; j.Cookie == c {
			return j, true
		}
	}
	return nil, false
}
