package survey

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/host"
)

// Target is an engine and the host that it runs on.
type Target[A API] struct {
	Context  string    // name of the docker context
	Docker   []string  // see [Facts]
	Endpoint string    // of the daemon, as the context has it
	API      A         // nil if there is no way to call it
	Host     host.Host // the daemon's own, or this machine's; host.None if out of reach
}

// Options say how closely a survey looks.
type Options struct {
	// Sizes is how long the sizes of volumes are waited for, 400 ms if 0. The
	// engine reads every file of every volume for them.
	Sizes time.Duration
	// NoMaps leaves Facts.Maps out, which takes a look at every process.
	NoMaps bool
	// Inside chooses the directories to look into, among the real paths of what
	// containers mount; nil for none.
	Inside func(Facts) []string
}

const (
	someSizes  = 400 * time.Millisecond
	callsLocal = 8
	// Over ssh a connection is a process on both ends, slower to start than
	// thirty calls are to make.
	callsSSH = 1
)

// Take takes a snapshot. It changes nothing, and always returns: what could not
// be read says so itself. The engine and the host are asked at the same time,
// the host in at most three round trips, and one more to look into directories.
func Take[A API](ctx context.Context, t Target[A], o Options) Facts {
	f := Facts{Context: t.Context, Docker: t.Docker, Endpoint: t.Endpoint, HostKind: t.Host.Kind()}
	l := &look{host: t.Host, peer: peer(ctx, t.Endpoint), noMaps: o.NoMaps}
	var errHost error
	all(
		func() { l.containers = o.askEngine(ctx, t.Endpoint, t.API, &f) },
		func() {
			f.Root = t.Host.Root(ctx)
			errHost = l.askFirst(ctx)
		},
	)
	if f.Engine.Err == nil {
		l.engine = &f.Engine.Value
	}
	l.unprivileged = f.Root != nil
	if errHost == nil {
		errHost = l.askMore(ctx)
	}
	f.Where = l.where(f)
	if errHost != nil {
		errHost = fmt.Errorf("reading the host: %w", errHost)
	} else {
		errHost = f.Where.elsewhere(l.engine != nil)
	}
	l.fill(&f, errHost)
	for _, c := range l.containers {
		f.Containers.Value = append(f.Containers.Value, c.Container)
	}
	if errHost == nil {
		f.Left.Value, f.Left.Err = l.left(ctx, t.API, &f)
	}
	f.attach()
	if o.Inside != nil && errHost == nil {
		f.addInside(l.lookInto(ctx, o.Inside(f)))
	}
	return f
}

func (o Options) askEngine(ctx context.Context, endpoint string, api API, f *Facts) []inspected {
	calls := callsLocal
	if strings.HasPrefix(endpoint, "ssh://") {
		calls = callsSSH
	}
	if api == nil {
		api = noAPI{}
	}
	return askEngine(ctx, newCaller(api, calls, cmp.Or(o.Sizes, someSizes)), f)
}

// peer is who listens on the endpoint's socket, if it is one of this machine.
func peer(ctx context.Context, endpoint string) host.Process {
	socket, ok := strings.CutPrefix(endpoint, "unix://")
	if !ok {
		return host.Process{}
	}
	if u, err := url.PathUnescape(socket); err == nil {
		socket = u
	}
	p, _ := host.Listener(ctx, socket)
	return p
}
