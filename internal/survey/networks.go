package survey

import (
	"context"
	"fmt"
	"slices"
	"sort"

	"github.com/docker/docker/api/types/network"
)

// Network is a network that someone made: bridge, host, none and
// docker_gwbridge are left out.
type Network struct {
	Name, ID, Driver, Scope string
	Containers              []string // names of the running ones attached
}

// own are the networks that every engine makes on its own.
var own = []string{"bridge", "host", "none", "docker_gwbridge", "ingress"}

func (c *caller) networks(ctx context.Context) ([]Network, error) {
	list, err := call(c, func() ([]network.Summary, error) { return c.api.NetworkList(ctx, network.ListOptions{}) })
	if err != nil {
		return nil, fmt.Errorf("listing networks: %w", err)
	}
	return networksOf(list), nil
}

func networksOf(list []network.Summary) []Network {
	var networks []Network
	for _, n := range list {
		if !slices.Contains(own, n.Name) {
			networks = append(networks, Network{Name: n.Name, ID: n.ID, Driver: n.Driver, Scope: n.Scope})
		}
	}
	sort.Slice(networks, func(i, j int) bool { return networks[i].Name < networks[j].Name })
	return networks
}

// attach names the running containers that each network has.
func (f *Facts) attach() {
	for i, n := range f.Networks.Value {
		for _, c := range f.Containers.Value {
			for _, name := range c.Networks {
				if name == n.Name && c.Running() {
					f.Networks.Value[i].Containers = append(f.Networks.Value[i].Containers, c.Name)
				}
			}
		}
	}
}
