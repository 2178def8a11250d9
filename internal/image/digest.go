package image

import (
	// The algorithms that go-digest may be asked for.
	_ "crypto/sha256"
	_ "crypto/sha512"
	"fmt"
	"path"
	"strings"

	"github.com/opencontainers/go-digest"
)

// addressed gives the digest that a blob's name promises, "" if it promises
// none: blobs/ALGORITHM/HEX of an OCI layout (image-spec, image-layout.md), the
// HEX.json that engines up to 24 and podman give a configuration, and the
// sha256:HEX of go-containerregistry.
func addressed(name string) digest.Digest {
	d := digest.Digest(name)
	switch dir, file := path.Split(name); {
	case strings.HasPrefix(dir, "blobs/") && strings.Count(dir, "/") == 2:
		d = digest.Digest(strings.TrimSuffix(strings.TrimPrefix(dir, "blobs/"), "/") + ":" + file)
	case dir == "" && strings.HasSuffix(file, ".json"):
		d = digest.Digest("sha256:" + strings.TrimSuffix(file, ".json"))
	}
	if d.Validate() != nil {
		return ""
	}
	return d
}

// blobName is where an OCI layout keeps the blob of a digest. A digest that is
// none, which might be a path instead, has no such place.
func blobName(d digest.Digest) (string, error) {
	if err := d.Validate(); err != nil {
		return "", fmt.Errorf("digest %q: %w", string(d), err)
	}
	return "blobs/" + d.Algorithm().String() + "/" + d.Encoded(), nil
}

// algorithm is what a blob of a name is to be hashed with.
func algorithm(name string) digest.Algorithm {
	if d := addressed(name); d != "" {
		return d.Algorithm()
	}
	return digest.SHA256
}

func mismatch(what string, want, got digest.Digest) error {
	return fmt.Errorf("digest mismatch: %s should be %s, its contents are %s", what, want, got)
}
