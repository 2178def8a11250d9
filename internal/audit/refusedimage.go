package audit

import (
	"fmt"

	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/unpack"
)

// refused are the findings of what the engine refuses for another reason than an ID.
func (j *join) refused() []Finding {
	if j.img.Windows() {
		return []Finding{refusedFinding(NoLayer,
			fmt.Sprintf("it is for %s, and engines on Linux refuse it: image operating system \"windows\" cannot be used on this platform", j.img.Platform),
			"take an image for Linux; its layers were not read")}
	}
	all := j.refusedEntries()
	if n := len(j.layers); n > dockerd.MaxLayers {
		all = append(all, refusedFinding(dockerd.MaxLayers,
			fmt.Sprintf("the image has %d layers, and an engine takes %d: max depth exceeded", n, dockerd.MaxLayers),
			"join RUN instructions, or copy what they made out of another stage"))
	}
	return append(all, j.refusedZstd()...)
}

// LooksAtBlobs reports whether an audit for a version of the engine has to look at how each
// layer is compressed, which is not known of layers that were read before.
func LooksAtBlobs(engine string) bool {
	v, known := dockerd.ParseVersion(engine)
	return known && !v.ReadsZstd()
}

// refusedZstd is the finding of layers that are compressed with zstd, if the engine is known
// not to read them. What an engine keeps itself, it has read.
func (j *join) refusedZstd() []Finding {
	v, _ := dockerd.ParseVersion(j.opt.Engine)
	first, n := NoLayer, 0
	for i, l := range j.img.Layers {
		if l.Form == unpack.Zstd {
			if n++; first == NoLayer {
				first = i
			}
		}
	}
	if n == 0 || !LooksAtBlobs(j.opt.Engine) {
		return nil
	}
	which := "1 layer is"
	if n > 1 {
		which = fmt.Sprintf("%d layers are", n)
	}
	return []Finding{refusedFinding(first,
		fmt.Sprintf("%s compressed with zstd, which Docker %d.%d does not read: unexpected EOF, or invalid tar header", which, v[0], v[1]),
		"compress it with gzip, such as with docker buildx build --output type=image,compression=gzip,force-compression=true; or upgrade the engine: Docker 23.0 and later read zstd")}
}

func refusedFinding(layer int, message, fix string) Finding {
	return Finding{
		Rule: RefusedLayer, Severity: severity(RefusedLayer), Layer: layer, UID: -1, GID: -1,
		Count: 1, Paths: []string{}, Cause: CauseUnknown, Message: message, Fix: fix,
	}
}
