package demo

import (
	"reflect"
	"strings"
	"syscall"
	"testing"
)

func storyOf(t *testing.T, culprit int, lines ...string) *story {
	t.Helper()
	s := &story{culprit: culprit}
	for _, line := range lines {
		s.take(parse(t, line))
	}
	return s
}

// goodScene is one in which all came true.
func goodScene(t *testing.T) *scene {
	return &scene{
		story:    storyOf(t, 17246, readyLine, suspectLine, stuckLine, tooSoonLine, actingLine, actedLine),
		before:   &counts{begun: 200, answered: 95, hung: 105},
		after:    &counts{begun: 200, answered: 200, by: map[int]int{5: 200}},
		endedBy:  syscall.SIGTERM,
		newAlive: true,
		newPID:   5,
	}
}

func TestSceneCameTrue(t *testing.T) {
	s := goodScene(t)
	if err := s.check(); err != nil || !s.story.over() {
		t.Errorf("%v, over %v", err, s.story.over())
	}
}

func TestSceneFlaws(t *testing.T) {
	for _, tt := range []struct {
		name string
		mar  func(*scene)
		want string
	}{
		{"nothing hung before", func(s *scene) { s.before = &counts{begun: 9, answered: 9} },
			"before the act 9 requests were answered and 0 hung: both were to be seen"},
		{"another one stuck", func(s *scene) { s.story.stuck = false }, "reusewatch did not call pid 17246 stuck"},
		{"another one acted on, too", func(s *scene) { s.story.acting = []int{17246, 5} },
			"reusewatch was to end pid 17246 alone, and set out to end [17246 5]"},
		{"no proof", func(s *scene) { s.story.acted = false }, "reusewatch did not prove its act"},
		{"the act failed", func(s *scene) { s.story.failure = "survived" }, "the act failed: survived"},
		{"it lives", func(s *scene) { s.endedBy = 0 }, "the old server was not ended by a signal"},
		{"the sibling is gone", func(s *scene) { s.newAlive = false }, "the new server ended too"},
		{"one hung after", func(s *scene) { s.after.answered, s.after.hung, s.after.by[5] = 199, 1, 199 },
			"after the act pid 5 was to answer all of 200 requests: 199 were answered, 1 hung, 0 were reset, 0 failed"},
		{"somebody else answered", func(s *scene) { s.after.by = map[int]int{5: 199, 6: 1} },
			"after the act pid 5 was to answer all of 200 requests: 199 were answered, 0 hung, 0 were reset, 0 failed"},
		{"nobody asked after", func(s *scene) { s.after = &counts{} },
			"after the act pid 5 was to answer all of 0 requests: 0 were answered, 0 hung, 0 were reset, 0 failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := goodScene(t)
			tt.mar(s)
			if got := s.flaws(); len(got) != 1 || strings.TrimSpace(got[0]) != tt.want {
				t.Errorf("flaws %q\nwant %q", got, tt.want)
			}
			if s.check() == nil {
				t.Error("no error")
			}
		})
	}
}

func TestStory(t *testing.T) {
	if s := storyOf(t, 1, stuckLine); s.stuck || s.over() {
		t.Errorf("another pid than the culprit's counts: %+v", s)
	}
	s := storyOf(t, 17246, stuckLine, actingLine, failedLine)
	want := &story{culprit: 17246, stuck: true, acting: []int{17246}, failure: "process 17246 survived SIGKILL",
		last: "act_failed: pid 17246: process 17246 survived SIGKILL"}
	if !reflect.DeepEqual(s, want) || !s.over() {
		t.Errorf("got %+v, over %v\nwant %+v", s, s.over(), want)
	}
}
