package check

import (
	"errors"
	"io/fs"

	"github.com/docker-userns/docker-userns/internal/dockerd"
)

// keyBytes is what the session keyring of a container takes of a user's quota:
// its name, "_ses." and the container's ID (getSessionRingName in runc's
// libcontainer), and the byte that ends it.
const keyBytes = int64(len("_ses.")+64) + 1

// kernelKeys: runc makes a session keyring for each container and for each
// command that runs in one, as root of the user namespace: one user's, for all
// containers of the engine. keyrings(7) gives root of the host a million, and
// every other user 200. Of a kernel without keyrings runc wants none.
func kernelKeys(in *Input) Result {
	k := in.Kernel.Value
	switch err := errors.Join(k.MaxKeys.Err, k.MaxKeyBytes.Err); {
	case in.Kernel.Err != nil:
		return unread("kernel.keys.maxkeys", in.Kernel.Err)
	case errors.Is(k.MaxKeys.Err, fs.ErrNotExist):
		return pass("this kernel has no keyrings")
	case err != nil:
		return unread("kernel.keys.maxkeys", err)
	case in.Containers.Err != nil:
		return unread("how many containers run", in.Containers.Err)
	}
	used, limit := in.keys(), min(k.MaxKeys.Value, k.MaxKeyBytes.Value/keyBytes)
	const (
		fix   = `printf 'kernel.keys.%s\n' maxkeys=20000 maxbytes=2000000 | sudo tee /etc/sysctl.d/99-docker-keys.conf && sudo sysctl --system`
		words = "unable to create session key: disk quota exceeded"
	)
	switch {
	case in.on() && used >= limit:
		return fail("all %d session keyrings that kernel.keys.maxkeys and maxbytes allow the mapped root are in use: no other container and no docker exec starts (%s)", limit, words).Fixed(fix)
	case used > limit:
		return fail("%d containers run, but with remap they share the %d session keyrings of one user (kernel.keys.maxkeys and maxbytes): the rest would not start (%s)", used, limit, words).Fixed(fix)
	case used*5 >= limit*4:
		return warn("with remap %d of the %d session keyrings that kernel.keys.maxkeys and maxbytes allow the mapped root are in use, one for each container and each docker exec; beyond that neither starts (%s)", used, limit, words).Fixed(fix)
	}
	return pass("with remap %d of %d session keyrings are in use", used, limit)
}

// keys are the session keyrings that the mapped root has, or will have once what
// runs now runs with remap.
func (in *Input) keys() int64 {
	var used int64
	for _, c := range in.Containers.Value {
		if c.Running() && !c.HostUserns() {
			used++
		}
	}
	root, _, known := dockerd.RootIDs(in.Engine.Value.DataRoot)
	if !in.on() || !known {
		m, _ := in.Map()
		root = m.UID.Root()
	}
	return max(used, in.Kernel.Value.Keys[root])
}
