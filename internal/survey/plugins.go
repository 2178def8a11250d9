package survey

import (
	"context"
	"fmt"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/filters"
)

// Plugin is a managed plugin.
type Plugin struct {
	Name, ID string
	Enabled  bool
	Types    []string // e.g. "docker.volumedriver/1.0"
}

func (c *caller) plugins(ctx context.Context) ([]Plugin, error) {
	list, err := call(c, func() (types.PluginsListResponse, error) { return c.api.PluginList(ctx, filters.Args{}) })
	if err != nil {
		return nil, fmt.Errorf("listing plugins: %w", err)
	}
	return pluginsOf(list), nil
}

func pluginsOf(list types.PluginsListResponse) []Plugin {
	var plugins []Plugin
	for _, p := range list {
		if p == nil {
			continue
		}
		plugin := Plugin{Name: p.Name, ID: p.ID, Enabled: p.Enabled}
		for _, t := range p.Config.Interface.Types {
			plugin.Types = append(plugin.Types, t.Prefix+"."+t.Capability+"/"+t.Version)
		}
		plugins = append(plugins, plugin)
	}
	return plugins
}
