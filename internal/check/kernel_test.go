package check

import (
	"io/fs"
	"slices"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

func kernel(change func(*survey.Kernel)) func(*survey.Facts, *Options) {
	return func(f *survey.Facts, _ *Options) { change(&f.Kernel.Value) }
}

func noKernel(f *survey.Facts, _ *Options) { f.Kernel = survey.Read[survey.Kernel]{Err: errTest} }

func inContainer(k *survey.Kernel) {
	k.Map = idmap.Single(1000000, 200000)
}

// crowd is a host on which n containers run.
func crowd(n int) func(*survey.Facts, *Options) {
	return func(f *survey.Facts, _ *Options) {
		f.Containers.Value = slices.Repeat([]survey.Container{{State: "running"}}, n)
	}
}

// remappedKeys is a remapped host whose mapped root has n keys.
func remappedKeys(n int64) func(*survey.Facts, *Options) {
	return func(f *survey.Facts, o *Options) {
		*f = remapped()
		crowd(10)(f, o)
		f.Kernel.Value.Keys = map[int64]int64{0: 500, 165536: n}
	}
}

var hostCases = []testCase{
	{"kernel-version", "6.12", asFound, OK, "6.12.0"},
	{"kernel-version", "from the API", func(f *survey.Facts, o *Options) { noKernel(f, o) }, OK, "6.12.0"},
	{"kernel-version", "3.10", kernel(func(k *survey.Kernel) { k.Release = "3.10.0-1160.el7.x86_64" }), Warning, "five ranges"},
	{"kernel-version", "2.6", kernel(func(k *survey.Kernel) { k.Release = "2.6.32" }), Error, "3.8"},
	{"kernel-version", "odd", kernel(func(k *survey.Kernel) { k.Release = "tip" }), Unknown, ""},
	{"kernel-version", "unread", func(f *survey.Facts, o *Options) { noKernel(f, o); noEngine(f, o) }, Unknown, ""},
	{"kernel-userns", "there", asFound, OK, ""},
	{"kernel-userns", "missing", kernel(func(k *survey.Kernel) { k.UserNamespaces = false }), Error, "CONFIG_USER_NS"},
	{"kernel-userns", "unread", noKernel, Unknown, ""},
	{"userns-limit", "enough", asFound, OK, "95000"},
	{"userns-limit", "0", kernel(func(k *survey.Kernel) { k.MaxUserns.Value = 0 }), Error, "is 0"},
	{"userns-limit", "too few", func(f *survey.Facts, _ *Options) {
		f.Kernel.Value.MaxUserns.Value = 2
		f.Containers.Value = make([]survey.Container, 2)
		f.Maps.Value = make([]survey.LiveMap, 1)
	}, Error, "2 containers"},
	{"userns-limit", "just enough", func(f *survey.Facts, _ *Options) {
		f.Kernel.Value.MaxUserns.Value = 3
		f.Containers.Value = make([]survey.Container, 2)
		f.Maps.Value = make([]survey.LiveMap, 1)
	}, OK, ""},
	{"userns-limit", "unread", kernel(func(k *survey.Kernel) { k.MaxUserns.Err = errTest }), Unknown, ""},
	{"userns-limit", "containers unread", func(f *survey.Facts, _ *Options) { f.Containers.Err = errTest }, Unknown, ""},
	{"kernel-keys", "room", crowd(159), OK, "159 of 200"},
	{"kernel-keys", "nearly full", crowd(160), Warning, "160 of the 200"},
	{"kernel-keys", "full, before remap", crowd(200), Warning, "200 of the 200"},
	{"kernel-keys", "too many for remap", crowd(201), Error, "201 containers run"},
	{"kernel-keys", "too few bytes for them", func(f *survey.Facts, o *Options) {
		crowd(15)(f, o)
		f.Kernel.Value.MaxKeyBytes.Value = 1000
	}, Error, "14 session keyrings"},
	{"kernel-keys", "outside of remap, or not running", func(f *survey.Facts, o *Options) {
		crowd(300)(f, o)
		for i := range f.Containers.Value {
			f.Containers.Value[i].UsernsMode = "host"
		}
		f.Containers.Value[0] = survey.Container{State: "exited"}
	}, OK, "0 of 200"},
	{"kernel-keys", "full", remappedKeys(200), Error, "no other container and no docker exec starts"},
	{"kernel-keys", "execs", remappedKeys(199), Warning, "199 of the 200"},
	{"kernel-keys", "remapped, with room", remappedKeys(12), OK, "12 of 200"},
	{"kernel-keys", "a kernel without keyrings", kernel(func(k *survey.Kernel) { k.MaxKeys.Err, k.MaxKeyBytes.Err = fs.ErrNotExist, fs.ErrNotExist }), OK, "no keyrings"},
	{"kernel-keys", "unread", kernel(func(k *survey.Kernel) { k.MaxKeyBytes.Err = errTest }), Unknown, ""},
	{"kernel-keys", "containers unread", func(f *survey.Facts, _ *Options) { f.Containers.Err = errTest }, Unknown, ""},
	{"kernel-keys", "no kernel", noKernel, Unknown, ""},
	{"userns-unprivileged", "1", asFound, OK, "is 1"},
	{"userns-unprivileged", "0, for users only", kernel(func(k *survey.Kernel) { k.Unprivileged.Value = 0 }), OK, "dockerd is root"},
	{"userns-unprivileged", "no such file", kernel(func(k *survey.Kernel) { k.Unprivileged.Err = fs.ErrNotExist }), OK, "no such limit"},
	{"userns-unprivileged", "0, in a container", kernel(func(k *survey.Kernel) { k.Unprivileged.Value = 0; inContainer(k) }), Error, "restricts root too"},
	{"userns-unprivileged", "unread", kernel(func(k *survey.Kernel) { k.Unprivileged.Err = errTest }), Unknown, ""},
	{"userns-unprivileged", "no kernel", noKernel, Unknown, ""},
	{"userns-apparmor", "no such file", asFound, OK, ""},
	{"userns-apparmor", "1, for users only", kernel(func(k *survey.Kernel) { k.AppArmor = read(int64(1)) }), OK, "dockerd is root"},
	{"userns-apparmor", "1, in a container", kernel(func(k *survey.Kernel) { k.AppArmor = read(int64(1)); inContainer(k) }), Error, ""},
	{"userns-apparmor", "unread", noKernel, Unknown, ""},
	{"host-id-map", "no user namespace", asFound, OK, ""},
	{"host-id-map", "in one that is too small", func(f *survey.Facts, _ *Options) {
		withAccount(f, "dockremap:165536:65536\n")
		inContainer(&f.Kernel.Value)
	}, Error, "165536-231071"},
	{"host-id-map", "in one that is large enough", func(f *survey.Facts, _ *Options) {
		withAccount(f, "dockremap:130000:65536\n")
		inContainer(&f.Kernel.Value)
	}, OK, ""},
	{"host-id-map", "unread", noKernel, Unknown, ""},
	{"host-id-map", "no map read", kernel(func(k *survey.Kernel) { k.Map.UID = nil }), Unknown, ""},
	{"runc-version", "1.3", asFound, OK, ""},
	{"runc-version", "1.0", engine(func(e *survey.Engine) { e.RuncVersion = "1.0.3" }), Warning, "1.0.3"},
	{"runc-version", "1.1.0-rc.1", engine(func(e *survey.Engine) { e.RuncVersion = "1.1.0-rc.1" }), OK, ""},
	{"runc-version", "silent", engine(func(e *survey.Engine) { e.RuncVersion = "" }), Unknown, ""},
	{"runc-version", "no engine", noEngine, Unknown, ""},
	{"selinux", "off", asFound, OK, "off"},
	{"selinux", "enforcing, unlabelled", kernel(func(k *survey.Kernel) { k.SELinux = "enforcing" }), Warning, "does not label"},
	{"selinux", "enforcing, labelled", func(f *survey.Facts, _ *Options) {
		f.Kernel.Value.SELinux = "enforcing"
		f.Engine.Value.SecurityOptions = []string{"name=selinux"}
	}, OK, "labels"},
	{"selinux", "unread", noKernel, Unknown, ""},
	{"host-tools", "all", asFound, OK, "all"},
	{"host-tools", "no usermod", func(f *survey.Facts, _ *Options) { delete(f.Tools.Value, "usermod") }, OK, "will be written directly"},
	{"host-tools", "no useradd", func(f *survey.Facts, _ *Options) { delete(f.Tools.Value, "useradd") }, Error, "dockremap"},
	{"host-tools", "no useradd, no need", func(f *survey.Facts, _ *Options) {
		delete(f.Tools.Value, "useradd")
		withAccount(f, "")
	}, OK, ""},
	{"host-tools", "no systemd-run", func(f *survey.Facts, _ *Options) { delete(f.Tools.Value, "systemd-run") }, Warning, "systemd-run"},
	{"host-tools", "unread", func(f *survey.Facts, _ *Options) { f.Tools.Err = errTest }, Unknown, ""},
	{"host-tools", "accounts unread", func(f *survey.Facts, _ *Options) { f.Tools.Value, f.Accounts.Err = survey.Tools{}, errTest }, Unknown, ""},
}
