package survey

import (
	"context"
	"fmt"
	"strings"

	"github.com/docker/docker/api/types/swarm"
)

// SwarmService is a service of the swarm.
type SwarmService struct {
	Name, ID, Image string
	Mode            string // "replicated" or "global"
}

func (c *caller) services(ctx context.Context) ([]SwarmService, error) {
	list, err := call(c, func() ([]swarm.Service, error) { return c.api.ServiceList(ctx, swarm.ServiceListOptions{}) })
	if err != nil {
		return nil, fmt.Errorf("listing swarm services: %w", err)
	}
	return servicesOf(list), nil
}

func servicesOf(list []swarm.Service) []SwarmService {
	var services []SwarmService
	for _, s := range list {
		service := SwarmService{Name: s.Spec.Name, ID: s.ID, Mode: "replicated"}
		if s.Spec.Mode.Global != nil {
			service.Mode = "global"
		}
		if spec := s.Spec.TaskTemplate.ContainerSpec; spec != nil {
			service.Image, _, _ = strings.Cut(spec.Image, "@")
		}
		services = append(services, service)
	}
	return services
}
