package dockerd

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Version is the version of an engine, or of runc, a kernel or an API that it uses.
type Version [3]int

// OldestAPI is the oldest version of the engine's API that is supported: Docker
// 20.10's.
const OldestAPI = "1.41"

// ParseVersion reads a version such as "20.10.24+dfsg1", "v1.1.5", "6.1.0-13-amd64" or
// "1.51": what follows the digits of a part does not count, and a third part that is
// missing is 0. ok is false if there are no two parts that begin with a number.
func ParseVersion(version string) (v Version, ok bool) {
	fields := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(fields) < 2 {
		return v, false
	}
	for i, f := range fields {
		digits := len(f) - len(strings.TrimLeft(f, "0123456789"))
		n, err := strconv.Atoi(f[:digits])
		if err != nil && i < 2 {
			return Version{}, false
		}
		if err == nil {
			v[i] = n
		}
	}
	return v, true
}

// AtLeast reports whether this is that version or a later one. Parts that are not given
// are 0.
func (v Version) AtLeast(that ...int) bool {
	var least Version
	copy(least[:], that)
	return slices.CompareFunc(v[:], least[:], cmp.Compare[int]) >= 0
}
