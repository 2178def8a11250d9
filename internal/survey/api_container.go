package survey

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
)

// timeOf reads a time of the engine, zero if it is none: the engine writes the
// year 1 for what has not happened.
func timeOf(s string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || at.Year() <= 1 {
		return time.Time{}
	}
	return at
}

// portsOf are the ports of the host that lead to a container now.
func portsOf(settings *container.NetworkSettings) []Port {
	var ports []Port
	for inside, bindings := range settings.Ports {
		for _, b := range bindings {
			if n, err := strconv.Atoi(b.HostPort); err == nil {
				ports = append(ports, Port{Address: b.HostIP, Number: n, Protocol: inside.Proto()})
			}
		}
	}
	slices.SortFunc(ports, func(a, b Port) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Address, b.Address))
	})
	return ports
}

func (c *Container) addHostConfig(h *container.HostConfig) {
	c.Privileged, c.ReadOnly, c.AutoRemove = h.Privileged, h.ReadonlyRootfs, h.AutoRemove
	c.UsernsMode, c.NetworkMode = string(h.UsernsMode), string(h.NetworkMode)
	c.PIDMode, c.IPCMode = string(h.PidMode), string(h.IpcMode)
	c.UTSMode, c.CgroupnsMode = string(h.UTSMode), string(h.CgroupnsMode)
	c.GroupAdd, c.CapAdd, c.SecurityOpt = h.GroupAdd, h.CapAdd, h.SecurityOpt
	c.Restart, c.Runtime, c.Tmpfs = string(h.RestartPolicy.Name), h.Runtime, h.Tmpfs
	c.MaxRetries = h.RestartPolicy.MaximumRetryCount
	c.DeviceRules = h.DeviceCgroupRules
	for _, d := range h.Devices {
		c.Devices = append(c.Devices, Device{d.PathOnHost, d.PathInContainer, d.CgroupPermissions})
	}
	for _, r := range h.DeviceRequests {
		c.DeviceRequests = append(c.DeviceRequests, r.Driver)
	}
}

// layersOf are the folders that overlay2 makes a root file system of.
func layersOf(data map[string]string) []string {
	var layers []string
	for _, list := range []string{data["UpperDir"], data["LowerDir"]} {
		for dir := range strings.SplitSeq(list, ":") {
			if path.IsAbs(dir) {
				layers = append(layers, path.Clean(dir))
			}
		}
	}
	return layers
}

func isNotFound(err error) bool { return errdefs.IsNotFound(err) }

// inspected is a container with what only the survey itself needs of it.
type inspected struct {
	Container
	layers []string // folders of its root file system on the host, topmost first
}

// containers lists all containers and inspects each: the list does not say who
// they run as or what they may do.
func (c *caller) containers(ctx context.Context) ([]inspected, error) {
	list, err := call(c, func() ([]container.Summary, error) {
		return c.api.ContainerList(ctx, container.ListOptions{All: true})
	})
	if err != nil {
		return nil, fmt.Errorf("listing containers: %w", err)
	}
	if len(list) > many && cap(c.slots) == 1 { // worth a second connection
		c = newCaller(c.api, 2, c.sizes)
	}
	answers := make([]inspected, len(list))
	errs := make([]error, len(list))
	inspections := make([]func(), len(list))
	for i := range list {
		inspections[i] = func() { answers[i], errs[i] = c.inspect(ctx, list[i].ID) }
	}
	c.all(inspections...)
	return kept(answers), errors.Join(errs...)
}

// many containers are inspected two at a time even over ssh.
const many = 20

func (c *caller) inspect(ctx context.Context, id string) (inspected, error) {
	answer, err := call(c, func() (container.InspectResponse, error) { return c.api.ContainerInspect(ctx, id) })
	if err != nil {
		if isNotFound(err) { // removed since it was listed
			return inspected{}, nil
		}
		return inspected{}, fmt.Errorf("inspecting container %.12s: %w", id, err)
	}
	return containerOf(answer), nil
}

// kept leaves out what was removed meanwhile, and sorts by name.
func kept(list []inspected) []inspected {
	list = slices.DeleteFunc(list, func(c inspected) bool { return c.ID == "" })
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// containerOf takes from inspect what remap touches. Nothing in the answer is
// taken for granted: parts of it are missing where a container is half made.
func containerOf(answer container.InspectResponse) inspected {
	if answer.ContainerJSONBase == nil {
		return inspected{}
	}
	c := Container{ID: answer.ID, Name: strings.TrimPrefix(answer.Name, "/"), ImageID: answer.Image, StopTimeout: int(UsualStop / time.Second)}
	if answer.State != nil {
		c.State, c.PID, c.ExitCode = answer.State.Status, answer.State.Pid, answer.State.ExitCode
		c.Started = timeOf(answer.State.StartedAt)
		if answer.State.Health != nil && answer.State.Health.Status != container.NoHealthcheck {
			c.Health = answer.State.Health.Status
		}
	}
	c.Restarts = answer.RestartCount
	if answer.Config != nil {
		c.Image, c.User, c.Labels = answer.Config.Image, answer.Config.User, answer.Config.Labels
		if answer.Config.StopTimeout != nil {
			c.StopTimeout = *answer.Config.StopTimeout
		}
	}
	if answer.HostConfig != nil {
		c.addHostConfig(answer.HostConfig)
	}
	for _, m := range answer.Mounts {
		c.Mounts = append(c.Mounts, Mount{
			Type: string(m.Type), Name: m.Name, Source: m.Source, Destination: m.Destination,
			Driver: m.Driver, Writable: m.RW, Propagation: string(m.Propagation),
		})
	}
	if answer.NetworkSettings != nil {
		for name := range answer.NetworkSettings.Networks {
			c.Networks = append(c.Networks, name)
		}
		sort.Strings(c.Networks)
		c.Ports = portsOf(answer.NetworkSettings)
	}
	return inspected{c, layersOf(answer.GraphDriver.Data)}
}
