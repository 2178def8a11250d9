package survey

import (
	"context"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
)

// topic is a group of facts of the host: what it asks, and how the answers are read.
// A part that is nil does nothing.
type topic struct {
	// What it asks in each round. The first one runs while the engine is asked, and
	// knows nothing; the others go by the engine and by earlier answers.
	first, second, third asking
	learn                func(*look)         // after each round: what the next one goes by
	read                 func(*look, *Facts) // after all rounds
	unread               func(*Facts, error) // instead of read: why there are no facts
}

// topics are all of them. What one learns may go by what those before it have learnt.
var topics = []topic{
	kernelTopic, toolsTopic, mountsTopic, subIDTopic, accountsTopic, mapsTopic, unitTopic, daemonTopic, startTopic,
	configTopic, storageTopic, pathsTopic, socketsTopic, identityTopic, leftTopic, pendingTopic,
}

// asking adds the questions of a topic.
type asking = func(*look, *host.Questions)

// ask takes one round: the part of every topic that is for it.
func (l *look) ask(ctx context.Context, part func(topic) asking, q host.Questions) error {
	for _, t := range topics {
		if ask := part(t); ask != nil {
			ask(l, &q)
		}
	}
	return l.round(ctx, l.unasked(q))
}

// askFirst takes the round that needs to know nothing.
func (l *look) askFirst(ctx context.Context) error {
	return l.ask(ctx, func(t topic) asking { return t.first }, host.Questions{})
}

// askMore takes the other rounds. Only they ask for ACLs: those of files that are
// always asked for decide nothing.
func (l *look) askMore(ctx context.Context) error {
	for _, part := range []func(topic) asking{
		func(t topic) asking { return t.second },
		func(t topic) asking { return t.third },
	} {
		l.learn()
		if err := l.ask(ctx, part, host.Questions{ACLs: true}); err != nil {
			return err
		}
	}
	l.learn()
	return nil
}

func (l *look) learn() {
	for _, t := range topics {
		if t.learn != nil {
			t.learn(l)
		}
	}
}

// fill writes what was seen of the host into the facts, or why it does not count.
func (l *look) fill(f *Facts, err error) {
	if err != nil {
		l.seen, l.ran = host.Answers{}, nil
	}
	for _, t := range topics {
		switch {
		case err != nil && t.unread != nil:
			t.unread(f, err)
		case err == nil && t.read != nil:
			t.read(l, f)
		}
	}
	for i, c := range l.containers {
		l.containers[i].Identity = l.identity(c)
	}
}

// result is the answer of a command that was asked for; ok is false if there is none.
func (l *look) result(args []string) (r host.Result, ok bool) {
	r, ok = l.ran[strings.Join(args, "\x00")]
	return r, ok
}
