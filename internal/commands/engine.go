package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/context/docker"
	"github.com/docker/docker/client"
)

// answerTime is how long an engine may take to answer the first call. An ssh
// connection through a jump host is made in it.
const answerTime = 15 * time.Second

// endpoint is where the engine of the current context is, before anything is
// asked of it. [command.Cli.Client] would end the process if that is unknown.
func endpoint(dockerCLI command.Cli) (docker.Endpoint, error) {
	name := dockerCLI.CurrentContext()
	meta, err := dockerCLI.ContextStore().GetMetadata(name)
	if cerrdefs.IsNotFound(err) {
		err = errors.New("context not found") // it names the missing file
	}
	if err != nil {
		return docker.Endpoint{}, &escape.LinesError{Lines: []string{fmt.Sprintf("reading docker context %q: %v", name, err), "Run 'docker context ls' to list the contexts"}, Of: err}
	}
	found, err := docker.EndpointFromContext(meta)
	if err != nil {
		return docker.Endpoint{}, fmt.Errorf("reading docker context %q: %w", name, err)
	}
	ep, err := docker.WithTLSData(dockerCLI.ContextStore(), name, found)
	if err == nil {
		_, err = ep.ClientOpts()
	}
	if err != nil {
		return docker.Endpoint{}, fmt.Errorf("reading docker context %q: %w", name, err)
	}
	return ep, nil
}

// engine is the engine of the current context. Nothing is asked of it before
// its first use.
type engine struct {
	client.APIClient
	endpoint string
	words    []string // see dockerWords
	bounds   *answerBounds
	host     host.Host // nil until [engine.machine] opened it
}

// openEngine gives the engine of the current context. The client is not the one
// of dockerCLI, which would wait ten seconds for an answer before it is used.
func openEngine(dockerCLI command.Cli) (*engine, error) {
	ep, err := endpoint(dockerCLI)
	if err != nil {
		return nil, err
	}
	options, err := ep.ClientOpts()
	if err != nil {
		return nil, err
	}
	options = append(options, client.WithUserAgent(command.UserAgent()))
	if headers := dockerCLI.ConfigFile().HTTPHeaders; len(headers) > 0 {
		options = append(options, client.WithHTTPHeaders(headers))
	}
	e := &engine{endpoint: ep.Host, words: dockerWords(dockerCLI, ep.Host)}
	if strings.HasPrefix(ep.Host, "ssh://") {
		h, err := e.machine(context.Background(), nil) // nothing is started yet
		if err != nil {
			return nil, err
		}
		options = append(options, client.WithDialContext(h.(host.Dialer).DialContext))
	}
	c, err := client.NewClientWithOpts(options...)
	if err == nil {
		e.APIClient = c
		e.bounds, err = boundAnswers(c)
	}
	if err != nil {
		return nil, fmt.Errorf("reading docker context %q: %w", dockerCLI.CurrentContext(), err)
	}
	return e, nil
}

// Close ends the connection to the engine, and that to its machine.
func (e *engine) Close() error {
	err := e.APIClient.Close()
	if e.host != nil {
		err = errors.Join(err, e.host.Close())
	}
	return err
}

// answers waits for the engine's first answer.
func (e *engine) answers(ctx context.Context, contextName string) error {
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	if _, err := e.Ping(limited); err != nil {
		return fmt.Errorf("connecting to the engine of docker context %q at %s: %w", contextName, e.endpoint, err)
	}
	return nil
}
