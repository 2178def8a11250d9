package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/context/docker"
	"github.com/docker/docker/client"
)

// answerTime is how long an engine may take to answer the first call. An ssh
// connection through a jump host is made in it.
const answerTime = 15 * time.Second

// endpoint is where the engine of the current context is, before anything is
// asked of it. [command.Cli.Client] would end the process where that cannot be
// told.
func endpoint(dockerCLI command.Cli) (docker.Endpoint, error) {
	name := dockerCLI.CurrentContext()
	meta, err := dockerCLI.ContextStore().GetMetadata(name)
	if cerrdefs.IsNotFound(err) {
		err = errors.New("context not found") // it names the file that is not there
	}
	if err != nil {
		return docker.Endpoint{}, fmt.Errorf("reading docker context %q: %w\nRun 'docker context ls' for the contexts there are", name, err)
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

// connect gives a client of the current context's engine that has answered.
func connect(ctx context.Context, dockerCLI command.Cli) (client.APIClient, docker.Endpoint, error) {
	ep, err := endpoint(dockerCLI)
	if err != nil {
		return nil, ep, err
	}
	api := dockerCLI.Client()
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	if _, err := api.Ping(limited); err != nil {
		return nil, ep, fmt.Errorf("connecting to the engine of docker context %q at %s: %w", dockerCLI.CurrentContext(), ep.Host, err)
	}
	return api, ep, nil
}
