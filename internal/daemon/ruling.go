package daemon

import (
	"context"
	"log/slog"
	"sync"

	"github.com/reusewatch/reusewatch/internal/journal"
	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// ruling is by what snapshots are judged: the policy in force, which acts were begun, and
// what the state folder says.
type ruling struct {
	folder *folder

	mu     sync.Mutex // an act judges beside the watcher
	policy judge.Policy
	past   judge.Past
	memory judge.Memory
}

// newRuling begins with the acts that the state folder knows, at which it looks until the
// context ends.
func newRuling(ctx context.Context, log *slog.Logger, dir journal.Dir, p judge.Policy) *ruling {
	r := &ruling{folder: watchFolder(ctx, log, dir), policy: p}
	r.folder.fresh() // so that the first look knows
	var err error
	if r.past.Acts, err = dir.Acts(); err != nil {
		log.Warn("which acts were begun is not known: no budget is left until that can be read", "error", err)
		r.past.Lost = true
		r.folder.seek()
	}
	return r
}

// judge judges for an act, by what the state folder says now.
func (r *ruling) judge(s *listener.Snapshot) []listener.Judgement {
	said := r.folder.fresh()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.learn(said)
	return judge.Judge(s, &r.policy, &r.past)
}

// again judges the next snapshot by what the state folder said last; same says that
// nothing is to be said that was not said of the one before.
func (r *ruling) again(s *listener.Snapshot) (js []listener.Judgement, same bool) {
	said := r.folder.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.learn(said)
	return r.memory.Judge(s, &r.policy, &r.past)
}

// learn takes what the state folder said.
func (r *ruling) learn(said said) {
	r.past.Disarmed = said.disarmed
	if r.past.Lost && said.found { // somebody has mended or removed it
		r.past.Acts, r.past.Lost = said.acts, false
	}
}

// anew has the next snapshot judged and told of whatever it brings.
func (r *ruling) anew() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.memory = judge.Memory{}
}

func (r *ruling) replace(p judge.Policy) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.policy, r.memory = p, judge.Memory{}
}

func (r *ruling) inForce() judge.Policy {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.policy
}

// disarmed says to an act whether it must not go on.
func (r *ruling) disarmed() bool { return r.folder.fresh().disarmed }

// pastActs are those that the judge knows of.
func (r *ruling) pastActs() []listener.PastAct {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.past.Acts
}

// setPastActs has the judge know of these.
func (r *ruling) setPastActs(acts []listener.PastAct) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.past.Acts = acts
}

// armed says whether anything may be acted on, by what the judge heard last.
func (r *ruling) armed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.past.Disarmed && armed(&r.policy)
}

// armed says whether the policy lets anything be acted on.
func armed(p *judge.Policy) bool {
	acts := func(a *listener.Action) bool { return a != nil && *a != listener.Observe }
	if p.Given.Action != nil {
		return acts(p.Given.Action)
	}
	for i := range p.Rules {
		if acts(p.Rules[i].Set.Action) {
			return true
		}
	}
	return acts(&p.Default.Action)
}
