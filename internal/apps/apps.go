package apps

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/docker-userns/docker-userns/internal/probe"
	"github.com/docker-userns/docker-userns/internal/report"
)

const category = "applications"

// The questions to the applications.
var (
	appHealth   = report.Question{ID: "app-health", Category: category, Title: "Applications report that they are healthy", Flag: "--health-url or --profile"}
	appCommands = report.Question{ID: "app-commands", Category: category, Title: "Commands work in containers", Flag: "--profile"}
	appSockets  = report.Question{ID: "app-sockets", Category: category, Title: "Sockets accept connections", Flag: "--profile"}
	appStarts   = report.Question{ID: "app-starts", Category: category, Title: "Containers start fast enough", Flag: "--starts or --profile"}
)

// Questions gives those that [Profile.Check] answers, in their order.
func Questions() []report.Question {
	return []report.Question{appHealth, appCommands, appSockets, appStarts}
}

// Check asks the applications all that the profile asks, one after the other, and
// gives a result for each kind of question that it holds: app-health,
// app-commands, app-sockets and app-starts. engine leads to the engine and its host,
// and starts containers.
func (p Profile) Check(ctx context.Context, engine *probe.Probe) (results []report.Result) {
	if len(p.Health) > 0 {
		results = append(results, appHealth.Answer(each(ctx, "health check", p.Health,
			func(c Health) (string, error) { return cmp.Or(c.Name, c.URL.String()), c.Check(ctx, engine.Host) })))
	}
	if len(p.Commands) > 0 {
		results = append(results, appCommands.Answer(each(ctx, "command", p.Commands,
			func(c Command) (string, error) { return c.title(), c.Check(ctx, engine) })))
	}
	if len(p.Sockets) > 0 {
		results = append(results, appSockets.Answer(each(ctx, "socket", p.Sockets,
			func(s Socket) (string, error) { return cmp.Or(s.Name, s.Address.String()), s.check(ctx, engine) })))
	}
	if p.Starts.Count > 0 && ctx.Err() == nil {
		results = append(results, appStarts.Answer(p.Starts.check(ctx, engine)))
	}
	return results
}

// each asks all questions of one kind and makes one result of the answers, with
// a detail for each. Once ctx has ended, no more are asked.
func each[T any](ctx context.Context, kind string, questions []T, ask func(T) (name string, err error)) report.Result {
	var details []report.Detail
	var bad, unrun []string
	for _, q := range questions {
		if ctx.Err() != nil {
			break
		}
		name, err := ask(q)
		d := report.Detail{Name: name, Note: "ok"}
		if err != nil {
			d.Note = err.Error()
		}
		switch {
		case errors.Is(err, probe.ErrImage):
			unrun = append(unrun, named(name, d.Note))
		case err != nil:
			bad = append(bad, named(name, d.Note))
		}
		details = append(details, d)
	}
	switch {
	case len(bad) > 0:
		return report.Fail("%d of %s failed: %s", len(bad), report.Count(len(questions), kind), strings.Join(bad, "; ")).With(details...)
	case len(unrun) > 0:
		return report.Unsure("could not run %d of %s: %s", len(unrun), report.Count(len(questions), kind), strings.Join(unrun, "; ")).With(details...)
	case len(details) < len(questions):
		return report.Unsure("did not run %d of %s: %v", len(questions)-len(details), report.Count(len(questions), kind), ctx.Err()).With(details...)
	}
	return report.Pass("all of %s", report.Count(len(questions), kind)).With(details...)
}

// named puts a name before a note that does not have it.
func named(name, note string) string {
	if strings.Contains(note, name) {
		return note
	}
	return name + ": " + note
}
