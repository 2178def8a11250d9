package check

import (
	"errors"
	"io/fs"
	"slices"
	"strconv"

	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

var hostChecks = []Check{
	{Question: Question{ID: "kernel-version", Category: catHost, Title: "The kernel is 3.8 or later"}, Needs: []string{"host-reachable"}, Run: kernelVersion},
	{Question: Question{ID: "kernel-userns", Category: catHost, Title: "User namespaces are built into the kernel"}, Needs: []string{"host-reachable", "kernel-version"}, Run: kernelUserns},
	{Question: Question{ID: "userns-limit", Category: catHost, Title: "The kernel allows a user namespace for each container"}, Needs: []string{"host-reachable", "kernel-userns"}, Run: usernsLimit},
	{Question: Question{ID: "kernel-keys", Category: catHost, Title: "The kernel allows a session keyring for each container"}, Needs: []string{"host-reachable"}, Run: kernelKeys},
	{Question: Question{ID: "userns-unprivileged", Category: catHost, Title: "kernel.unprivileged_userns_clone does not restrict dockerd"}, Needs: []string{"host-reachable", "kernel-userns"}, Run: usernsUnprivileged},
	{Question: Question{ID: "userns-apparmor", Category: catHost, Title: "AppArmor's limit on user namespaces does not restrict dockerd"}, Needs: []string{"host-reachable", "kernel-userns"}, Run: usernsAppArmor},
	{Question: Question{ID: "host-id-map", Category: catHost, Title: "The host has all the IDs of the map"}, Needs: []string{"host-reachable"}, Run: hostIDMap},
	{Question: Question{ID: "runc-version", Category: catHost, Title: "runc is 1.1 or later"}, Needs: []string{"daemon-answers"}, Run: runcVersion},
	{Question: Question{ID: "selinux", Category: catHost, Title: "SELinux lets containers use the new data root"}, Needs: []string{"host-reachable"}, Run: selinux},
	{Question: Question{ID: "host-tools", Category: catHost, Title: "The programs that the change needs are installed"}, Needs: []string{"host-reachable"}, Run: hostTools},
}

func kernelVersion(in *Input) Result {
	release := in.Kernel.Value.Release
	if release == "" && in.Engine.Err == nil {
		release = in.Engine.Value.KernelVersion
	}
	v, known := dockerd.ParseVersion(release)
	switch {
	case release == "" && in.Kernel.Err != nil:
		return unread("the kernel version", in.Kernel.Err)
	case !known:
		return unsure("the kernel version %q cannot be compared with 3.8; look with: uname -r", release)
	case !v.AtLeast(3, 8):
		return fail("Linux %s has no user namespaces; they need 3.8 or later", release)
	case !v.AtLeast(4, 15):
		return warn("Linux %s allows five ranges in an ID map; 4.15 and later allow 340", release)
	}
	return pass("Linux %s", release)
}

func kernelUserns(in *Input) Result {
	switch {
	case in.Kernel.Err != nil:
		return unread("whether the kernel has user namespaces", in.Kernel.Err)
	case !in.Kernel.Value.UserNamespaces:
		return fail("the kernel has no user namespaces (no /proc/self/ns/user): it was built without CONFIG_USER_NS, or booted with them off (boot EL7 with user_namespace.enable=1)")
	}
	return pass("/proc/self/ns/user exists")
}

// usernsLimit: each container takes a user namespace, in addition to those that other
// programs have now.
func usernsLimit(in *Input) Result {
	limit, err := in.Kernel.Value.MaxUserns.Value, errors.Join(in.Kernel.Err, in.Kernel.Value.MaxUserns.Err)
	if err != nil {
		return unread("user.max_user_namespaces", err)
	}
	const fix = "echo user.max_user_namespaces=28633 | sudo tee /etc/sysctl.d/99-userns.conf && sudo sysctl --system"
	switch {
	case limit == 0:
		return fail("user.max_user_namespaces is 0, so no container would start with remap").Fixed(fix)
	case in.Containers.Err != nil:
		return unread("how many containers there are", in.Containers.Err)
	}
	containers := len(in.Containers.Value)
	need := int64(containers)
	if !in.on() {
		need += int64(len(in.Maps.Value))
	}
	if limit < need {
		return fail("user.max_user_namespaces is %d, but %s and the other programs on the host may need %d", limit, count(containers, "container"), need).Fixed(fix)
	}
	return pass("%d, for %s", limit, count(containers, "container"))
}

func usernsUnprivileged(in *Input) Result {
	return bound(in, "kernel.unprivileged_userns_clone", in.Kernel.Value.Unprivileged, 0)
}

func usernsAppArmor(in *Input) Result {
	return bound(in, "kernel.apparmor_restrict_unprivileged_userns", in.Kernel.Value.AppArmor, 1)
}

// bound judges a sysctl that keeps processes without CAP_SYS_ADMIN from making
// user namespaces. root of the first user namespace has it; root of a host that
// is itself in one has not.
func bound(in *Input, name string, sysctl survey.Read[int64], binds int64) Result {
	switch {
	case in.Kernel.Err != nil:
		return unread(name, in.Kernel.Err)
	case errors.Is(sysctl.Err, fs.ErrNotExist):
		return pass("this kernel has no such limit")
	case sysctl.Err != nil:
		return unread(name, sysctl.Err)
	case sysctl.Value != binds:
		return pass("%s is %d", name, sysctl.Value)
	case nested(in.Kernel.Value):
		return fail("%s is %d, which restricts root too, because the host itself is in a user namespace", name, sysctl.Value).
			Fixed("sudo sysctl -w " + name + "=" + strconv.FormatInt(1-binds, 10))
	}
	return pass("%s is %d, which restricts unprivileged users only; dockerd is root", name, sysctl.Value)
}

// whole is the map of a host that is in no user namespace.
var whole = idmap.Single(0, 1<<32-1)

// nested reports whether the host is itself in a user namespace, as far as its own map
// was read.
func nested(k survey.Kernel) bool {
	m := k.Map
	if len(m.UID) == 0 {
		m.UID = whole.UID
	}
	if len(m.GID) == 0 {
		m.GID = whole.GID
	}
	return !m.Same(whole)
}

// hostIDMap: a host that is itself a container can only hand on IDs that it
// has.
func hostIDMap(in *Input) Result {
	k := in.Kernel.Value
	switch {
	case in.Kernel.Err != nil:
		return unread("the host's own ID map", in.Kernel.Err)
	case len(k.Map.UID) == 0 || len(k.Map.GID) == 0:
		return unsure("/proc/1/uid_map could not be read; look with: cat /proc/1/uid_map /proc/1/gid_map")
	case !nested(k):
		return pass("not in a user namespace")
	}
	m, err := in.Map()
	if err != nil {
		return unread("which IDs the map needs", err)
	}
	for _, kind := range []struct {
		name  string
		own   idmap.Extents
		wants idmap.Extents
	}{{"UIDs", k.Map.UID, m.UID}, {"GIDs", k.Map.GID, m.GID}} {
		for _, want := range kind.wants.Ranges("") {
			if !covered(want, kind.own) {
				return fail("the host itself is in a user namespace that lacks the %s %s (it has %s)", kind.name, want, kind.own)
			}
		}
	}
	return pass("in a user namespace that has them")
}

func covered(want idmap.Range, own idmap.Extents) bool {
	return slices.ContainsFunc(own, func(x idmap.Extent) bool {
		return want.Start >= x.ContainerID && want.Size <= x.Size && want.Start-x.ContainerID <= x.Size-want.Size
	})
}

func runcVersion(in *Input) Result {
	version := in.Engine.Value.RuncVersion
	v, known := dockerd.ParseVersion(version)
	switch {
	case in.Engine.Err != nil:
		return unread("the version of runc", in.Engine.Err)
	case !known:
		return unsure("the engine does not report the version of runc (%q); look with: runc --version", version)
	case !v.AtLeast(1, 1):
		return warn("runc %s is older than 1.1: with remap, containers that share namespaces and build secrets fail", version)
	}
	return pass("runc %s", version)
}

func selinux(in *Input) Result {
	switch mode := in.Kernel.Value.SELinux; {
	case in.Kernel.Err != nil:
		return unread("whether SELinux is enforcing", in.Kernel.Err)
	case mode != "enforcing":
		return pass("SELinux is %s", orOff(mode))
	case in.Engine.Err == nil && !in.Engine.Value.Option("selinux"):
		return warn("SELinux is enforcing, but the engine does not label containers (selinux-enabled is not set): they may not be able to use the new data root if container-selinux is not installed")
	}
	return pass("SELinux is enforcing, and the engine labels its containers")
}

func orOff(s string) string {
	if s == "" {
		return "off"
	}
	return s
}

func hostTools(in *Input) Result {
	tools := in.Tools.Value
	_, useradd := tools["useradd"]
	_, adduser := tools["adduser"]
	_, run := tools["systemd-run"]
	switch {
	case in.Tools.Err != nil:
		return unread("which programs are installed", in.Tools.Err)
	case !useradd && !adduser && in.Accounts.Err != nil:
		return unread("whether the account must be created", in.Accounts.Err)
	case !useradd && !adduser && !in.remap.Account.Exists():
		return fail("neither useradd nor adduser is installed, one of which is needed to create the account %s", in.remap.Account.Name)
	case in.Unit.Value.Manager == survey.Systemd && !run:
		return warn("systemd-run is missing, so a change that fails would not be undone if the connection is lost")
	case tools["usermod"] == "":
		return pass("usermod is missing, so the ranges will be written directly, under the same locks")
	}
	return pass("all")
}
