package remap

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// breaking is a host that fails at one command, by a word of it, and then shows itself
// as it was before the change. Real hosts cannot be had to fail between two commands.
type breaking struct {
	host.Host
	facts survey.Facts
	at    string
	fail  func() (host.Result, error)
	ran   []string
	began []string
	why   error
}

func (b *breaking) Run(ctx context.Context, c host.Command) (host.Result, error) {
	b.ran = append(b.ran, c.Args...)
	if err := ctx.Err(); err != nil {
		return host.Result{}, err
	}
	if slices.Contains(c.Args, b.at) {
		return b.fail()
	}
	return host.Result{}, nil
}

func (b *breaking) Replace(context.Context, host.File) error { return nil }

func (b *breaking) Look(_ context.Context, q host.Questions) (host.Answers, error) {
	a := host.Answers{Files: map[string]host.Body{}}
	for _, p := range q.Files {
		switch p {
		case b.facts.Config.Value.Path:
			a.Files[p] = host.Body{Data: b.facts.Config.Value.Data}
		case subuidPath:
			a.Files[p] = host.Body{Data: b.facts.SubUID.Value.Data}
		case subgidPath:
			a.Files[p] = host.Body{Data: b.facts.SubGID.Value.Data}
		default:
			a.Files[p] = host.Body{Data: []byte("undone\n")}
		}
	}
	return a, nil
}

func (b *breaking) Rehearse(context.Context, Plan) error               { return nil }
func (b *breaking) Survey(context.Context) survey.Facts                { return b.facts }
func (b *breaking) Start(context.Context, Plan, []Object, Renew) error { return nil }
func (b *breaking) Prove(context.Context, Plan, Renew) error           { return nil }
func (b *breaking) Begin(_ int, s Step)                                { b.began = append(b.began, s.Name) }
func (b *breaking) Done(Step)                                          {}
func (b *breaking) Copying(carry.State)                                {}
func (b *breaking) Undoing(why error)                                  { b.why = why }
func (b *breaking) Prepare(_ context.Context, j carry.Job, _ func(carry.State)) error {
	_, err := b.Run(context.Background(), host.Command{Args: []string{"copy", j.To}})
	return err
}
func (b *breaking) apply(ctx context.Context, p Plan) (Outcome, error) {
	return Runner{Host: b, Prover: b, Events: b, Copier: b}.Apply(ctx, p)
}

// What becomes of a change depends on the step that fails: before the rollback is
// armed nothing is undone, and nothing once the change is kept.
func TestApplyFails(t *testing.T) {
	refuses := func() (host.Result, error) { return host.Result{Code: 1, Stderr: []byte("no")}, nil }
	isLost := func() (host.Result, error) { return host.Result{}, errors.New("connection lost") }
	tooLate := func() (host.Result, error) { return host.Result{Code: codeDecided, Stderr: []byte("decided")}, nil }
	for _, tc := range []struct {
		name, at string
		fail     func() (host.Result, error)
		want     Outcome
		last     string // the step that was begun last
		why      string // the change is undone for; "" it is not undone
	}{
		{"no folder can be made", Folder, refuses, Refused, "arm", ""},
		{"the connection ends before it is armed", Folder, isLost, Refused, "arm", ""},
		{"it is not armed", "arm", refuses, Refused, "arm", ""},
		{"it may be armed", "arm", isLost, RolledBack, "arm", "arm: arming the rollback: connection lost"},
		{"no user", "/usr/sbin/useradd", refuses, RolledBack, "account", "account: creating the user dockremap: no"},
		{"the daemon does not start", "restart", refuses, RolledBack, "restart", "restart: restarting docker.service: no"},
		{"the restart takes too long", "restart", tooLate, RolledBack, "restart", "restart: docker.service did not come up within the 5m"},
		{"it is undone right after the restart", "renew", tooLate, RolledBack, "restart", "restart: docker.service did not come up within the 5m"},
		{"it is not kept", "keep", refuses, RolledBack, "keep", "keep: disarming the rollback: no"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := &breaking{facts: plain(), at: tc.at, fail: tc.fail}
			outcome, err := b.apply(t.Context(), enable(t, plain(), nil))
			assert.Equal(t, outcome, tc.want, "%v", err)
			assert.Equal(t, b.began[len(b.began)-1], tc.last)
			assert.Equal(t, slices.Contains(b.ran, "fire"), tc.why != "")
			if tc.why == "" {
				assert.NilError(t, b.why)
			} else {
				assert.ErrorContains(t, b.why, tc.why)
			}
		})
	}
	t.Run("the copy fails", func(t *testing.T) {
		f := shelved()
		chosen := choose(t, f, allWanted)
		c, err := PlanCarry(f, chosen, measured())
		assert.NilError(t, err)
		b := &breaking{facts: f, at: chosen.Job.To, fail: func() (host.Result, error) { return host.Result{}, errors.New("no space") }}
		outcome, err := b.apply(t.Context(), enable(t, f, func(o *EnableOptions) { o.Carry = c }))
		assert.Equal(t, outcome, Refused)
		assert.Error(t, err, "copy: no space")
		assert.DeepEqual(t, b.began, []string{"copy"})
		assert.Assert(t, !slices.Contains(b.ran, Folder), "nothing was touched")
	})
	t.Run("what enable made cannot be removed", func(t *testing.T) {
		on, past := carriedOut(plain(), enable(t, plain(), nil))
		p, err := PlanDisable(on, []Past{past}, DisableOptions{Timeout: time.Minute, Now: now.Add(time.Hour), Forget: true})
		assert.NilError(t, err)
		b := &breaking{facts: on, at: "drop", fail: refuses}
		outcome, err := b.apply(t.Context(), p)
		assert.Equal(t, outcome, Partly)
		assert.ErrorContains(t, err, "forget: removing a line from /etc/subuid: no")
		assert.Assert(t, !slices.Contains(b.ran, "fire"))
	})
}

// An interrupt before the rollback is armed leaves nothing to undo.
func TestApplyIsInterrupted(t *testing.T) {
	for at, want := range map[string]Outcome{Folder: Refused, "arm": RolledBack, "/usr/sbin/useradd": RolledBack} {
		ctx, cancel := context.WithCancel(t.Context())
		b := &breaking{facts: plain(), at: at, fail: func() (host.Result, error) {
			cancel()
			return host.Result{}, ctx.Err()
		}}
		outcome, err := b.apply(ctx, enable(t, plain(), nil))
		assert.Equal(t, outcome, want, "%s: %v", at, err)
		if want == Refused {
			assert.ErrorContains(t, err, "interrupted")
		} else {
			assert.ErrorContains(t, b.why, "interrupted")
		}
	}
}
