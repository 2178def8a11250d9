package access

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/survey"
)

// control are the names of sockets through which a host is controlled, wherever
// they are.
var control = []string{
	"docker.sock", "containerd.sock", "containerd.sock.ttrpc", "podman.sock", "crio.sock", "buildkitd.sock", "kubelet.sock", "dockershim.sock",
}

// ControlsHost reports whether a path of the host is the socket of an engine or a
// runtime: whoever can connect to it controls the host.
func ControlsHost(f survey.Facts, real string) bool {
	return slices.Contains(control, path.Base(real)) || slices.Contains(engineSockets(f), real)
}

// EngineSockets are the sockets that control the host and that a container gets
// with a mount: the mount itself, or those in the folder that it mounts.
func EngineSockets(f survey.Facts, m survey.Mount) []string {
	if m.Type != "bind" {
		return nil
	}
	real := realSource(f, m)
	if slices.Contains(control, path.Base(real)) {
		return []string{real}
	}
	var found []string
	for _, socket := range engineSockets(f) {
		if survey.Within(socket, real) {
			found = append(found, socket)
		}
	}
	return found
}

// IsEngineSocket reports whether a mount is such a socket, and not a folder with one.
func IsEngineSocket(f survey.Facts, m survey.Mount) bool {
	return m.Type == "bind" && ControlsHost(f, realSource(f, m))
}

func realSource(f survey.Facts, m survey.Mount) string {
	if real := f.Paths.Value[m.Source].Real; real != "" {
		return real
	}
	return plainly(m.Source)
}

// engineSockets are those of this engine and its containerd, by their real paths.
func engineSockets(f survey.Facts) []string {
	set := slices.Clone(f.Sockets)
	if len(set) == 0 {
		set = slices.Clone(survey.UsualSockets)
	}
	if socket := plainly(endpointSocket(f.Endpoint)); socket != "." && !slices.Contains(set, socket) {
		set = append(set, socket)
	}
	slices.Sort(set)
	return set
}

func endpointSocket(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "unix" && u.Scheme != "ssh" || u.Path == "/" {
		return ""
	}
	return u.Path
}

// plainly follows the one link that every host with systemd has.
func plainly(p string) string {
	p = path.Clean(p)
	if rest, ok := strings.CutPrefix(p, "/var/run/"); ok {
		return "/run/" + rest
	}
	if p == "/var/run" {
		return "/run"
	}
	return p
}

// systemFolders are those whose sockets belong to many programs. Who mounts one of
// them wants something in it, and not every socket.
var systemFolders = []string{
	"/", "/dev", "/etc", "/home", "/opt", "/proc", "/root", "/run", "/run/containerd", "/run/dbus", "/run/docker", "/run/lock", "/run/systemd",
	"/run/udev", "/run/user", "/srv", "/sys", "/tmp", "/usr", "/var", "/var/lib", "/var/lib/containerd", "/var/lib/docker", "/var/run", "/var/tmp",
}

// OfSystem reports whether a folder is one that the system and its programs share, or
// lies in one that is the system's own.
func OfSystem(real string) bool {
	for _, own := range []string{"/proc", "/sys", "/run/systemd", "/run/user", "/run/udev", "/run/docker", "/run/containerd", "/var/lib/docker", "/var/lib/containerd"} {
		if survey.Within(real, own) {
			return true
		}
	}
	return slices.Contains(systemFolders, real)
}
