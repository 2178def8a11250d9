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
	{Question: Question{ID: "host-id-map", Category: catHost, Title: "The host itself has all the IDs to map"}, Needs: []string{"host-reachable"}, Run: hostIDMap},
	{Question: Question{ID: "runc-version", Category: catHost, Title: "runc is 1.1 or later"}, Needs: []string{"daemon-answers"}, Run: runcVersion},
	{Question: Question{ID: "selinux", Category: catHost, Title: "SELinux does not stand between containers and their new data root"}, Needs: []string{"host-reachable"}, Run: selinux},
	{Question: Question{ID: "host-tools", Category: catHost, Title: "The programs that the change needs are there"}, Needs: []string{"host-reachable"}, Run: hostTools},
}

func kernelVersion(in *Input) Result {
	release := in.Kernel.Value.Release
	if release == "" && in.Engine.Err == nil {
		release = in.Engine.Value.KernelVersion
	}
	v, known := dockerd.ParseVersion(release)
	switch {
	case release == "" && in.Kernel.Err != nil:
		return unread("the kernel's version", in.Kernel.Err)
	case !known:
		return unsure("%q is no kernel version; ask with: uname -r", release)
	case !v.AtLeast(3, 8):
		return fail("Linux %s: user namespaces came with 3.8", release)
	case !v.AtLeast(4, 15):
		return warn("Linux %s takes at most five ranges in an ID map; 4.15 takes 340", release)
	}
	return pass("Linux %s", release)
}

func kernelUserns(in *Input) Result {
	switch {
	case in.Kernel.Err != nil:
		return unread("whether the kernel has user namespaces", in.Kernel.Err)
	case !in.Kernel.Value.UserNamespaces:
		return fail("there is no /proc/self/ns/user: the kernel was built without CONFIG_USER_NS, or was booted with user namespaces off (user_namespace.enable=1 on EL7)")
	}
	return pass("/proc/self/ns/user is there")
}

// usernsLimit: each container takes a user namespace, beside those that other
// programs have now.
func usernsLimit(in *Input) Result {
	limit, err := in.Kernel.Value.MaxUserns.Value, errors.Join(in.Kernel.Err, in.Kernel.Value.MaxUserns.Err)
	if err != nil {
		return unread("user.max_user_namespaces", err)
	}
	const fix = "echo user.max_user_namespaces=28633 | sudo tee /etc/sysctl.d/99-userns.conf && sudo sysctl --system"
	switch {
	case limit == 0:
		return fail("user.max_user_namespaces is 0: no container would start with remap").Fixed(fix)
	case in.Containers.Err != nil:
		return unread("how many containers there are", in.Containers.Err)
	}
	containers := len(in.Containers.Value)
	need := int64(containers)
	if !in.on() {
		need += int64(len(in.Maps.Value))
	}
	if limit < need {
		return fail("user.max_user_namespaces is %d, and %s with what runs now may take %d", limit, count(containers, "container"), need).Fixed(fix)
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
		return fail("%s is %d, and the host is itself in a user namespace, so it binds its root too", name, sysctl.Value).
			Fixed("sudo sysctl -w " + name + "=" + strconv.FormatInt(1-binds, 10))
	}
	return pass("%s is %d, which binds users without root only; dockerd is root", name, sysctl.Value)
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
		return pass("it is in no user namespace")
	}
	m, err := in.Map()
	if err != nil {
		return unread("the map that it has to hold", err)
	}
	for _, kind := range []struct {
		name  string
		own   idmap.Extents
		wants idmap.Extents
	}{{"UIDs", k.Map.UID, m.UID}, {"GIDs", k.Map.GID, m.GID}} {
		for _, want := range kind.wants.Ranges("") {
			if !covered(want, kind.own) {
				return fail("the host is itself in a user namespace that does not have the %s %s (%s)", kind.name, want, kind.own)
			}
		}
	}
	return pass("it is in a user namespace that has them")
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
		return unread("runc's version", in.Engine.Err)
	case !known:
		return unsure("the engine does not name runc's version (%q); ask with: runc --version", version)
	case !v.AtLeast(1, 1):
		return warn("runc %s: containers that share namespaces, and secrets of builds, fail with remap before 1.1", version)
	}
	return pass("runc %s", version)
}

func selinux(in *Input) Result {
	switch mode := in.Kernel.Value.SELinux; {
	case in.Kernel.Err != nil:
		return unread("SELinux", in.Kernel.Err)
	case mode != "enforcing":
		return pass("SELinux is %s", orOff(mode))
	case in.Engine.Err == nil && !in.Engine.Value.Option("selinux"):
		return warn("SELinux is enforcing, and the engine does not label containers (selinux-enabled is not set): where container-selinux is missing, the new data root may be out of their reach")
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
		return unread("which programs are there", in.Tools.Err)
	case !useradd && !adduser && in.Accounts.Err != nil:
		return unread("whether an account has to be made", in.Accounts.Err)
	case !useradd && !adduser && !in.remap.Account.Exists():
		return fail("neither useradd nor adduser is there to make the account %s", in.remap.Account.Name)
	case in.Unit.Value.Manager == survey.Systemd && !run:
		return warn("systemd-run is missing: a change that fails would not be undone when the connection is lost")
	case tools["usermod"] == "":
		return pass("usermod is missing, so ranges are written by hand, under the same locks")
	}
	return pass("all of them")
}
