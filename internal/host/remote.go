package host

import (
	"context"
	"fmt"
)

// remote is a host that a session's shell looks at.
type remote struct {
	*session
	kind string
}

func (r *remote) Kind() string { return r.kind }

func (r *remote) Close() error { return r.close() }

// Root asks the shell who it runs as.
func (r *remote) Root(ctx context.Context) error {
	var uid, said string
	err := r.do(ctx, looking("b 0"), func(sh *shell) error {
		uid, said = sh.uid, sh.refusal
		_, err := sh.frames.status()
		return err
	})
	if err != nil || uid == "0" {
		return err
	}
	if said == "" {
		said = "sudo -n was refused"
	}
	return fmt.Errorf("%s is read as the user with ID %s, not as root: %s", r.name, uid, said)
}

func (r *remote) Look(ctx context.Context, q Questions) (Answers, error) {
	if err := checkQuestions(q); err != nil {
		return Answers{}, err
	}
	a := newAnswers()
	ops := asking(q, a)
	for _, c := range q.Commands {
		ops = append(ops, running(c, &a.Commands))
	}
	return a, r.doOps(ctx, looking(scripts(ops)), ops)
}

// looking is a request that changes nothing.
func looking(script string) request { return request{script: script, bytes: lookBytes, wait: patience} }

func (r *remote) doOps(ctx context.Context, q request, ops []op) error {
	return r.do(ctx, q, func(sh *shell) error {
		for _, o := range ops {
			if err := o.read(sh.frames); err != nil {
				return err
			}
		}
		return nil
	})
}
