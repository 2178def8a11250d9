package audit

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/docker-userns/docker-userns/internal/image"
	"gotest.tools/v3/assert"
)

func TestInstruction(t *testing.T) {
	tests := []struct{ by, want string }{
		{"/bin/sh -c #(nop) COPY file:0a1b in /app ", "COPY file:0a1b in /app"},
		{"/bin/sh -c #(nop) COPY --chown=1:2dir:0a1b in /app ", "COPY --chown=1:2 dir:0a1b in /app"},
		{`/bin/sh -c #(nop)  CMD ["bash"]`, `CMD ["bash"]`},
		{"/bin/sh -c npm i", "RUN npm i"},
		{"RUN /bin/sh -c npm i # buildkit", "RUN npm i"},
		{"|1 V=9.1.1 /bin/sh -c npm i -g npm@$V", "RUN npm i -g npm@$V"},
		{"|2 A=x B=y z /bin/sh -c npm i", "RUN npm i"},
		{"RUN |1 V=9 /bin/sh -c npm i # buildkit", "RUN npm i"},
		{"RUN /bin/bash -o pipefail -c curl x | tar x # buildkit", "RUN /bin/bash -o pipefail -c curl x | tar x"},
		{"|1 A=x /bin/bash -o pipefail -c npm i", "RUN /bin/bash -o pipefail -c npm i"},
		{"/bin/ash -eo pipefail -c apk add x", "RUN /bin/ash -eo pipefail -c apk add x"},
		{"COPY --chown=1:1 . /app # buildkit", "COPY --chown=1:1 . /app"},
		{"cmd /S /C #(nop) COPY dir:0a in C:/app", "COPY dir:0a in C:/app"},
		{"WORKDIR /app", "WORKDIR /app"},
		{"bazel build //:image", "bazel build //:image"},
		{"", ""},
	}
	for _, tc := range tests {
		assert.Equal(t, Instruction(tc.by), tc.want, "%q", tc.by)
	}
}

// What is found in one layer, and what to write instead of its instruction.
func TestCure(t *testing.T) {
	const npmID = 1516583083
	bad := func(names ...string) (all []entry) {
		for _, n := range names {
			all = append(all, entry{name: n, uid: 1000000, gid: 1000000})
		}
		return all
	}
	tests := []struct {
		name, by string
		entries  []entry
		cause    Cause
		fix      string
	}{
		{
			"npm", "RUN /bin/sh -c npm i -g npm@9.1.1 && npm i # buildkit",
			[]entry{
				{name: "app/node_modules/content-type/index.js", uid: npmID},
				{name: "usr/local/lib/node_modules/npm/node_modules/x/y", uid: npmID},
			},
			CauseNPM, `keep its --mount flags, if it has any: RUN npm i -g npm@9.1.1 && npm i && find /app/node_modules /usr/local/lib/node_modules \( ! -user 0 -o ! -group 0 \) -exec chown -h 0:0 {} +`,
		},
		{
			"npm in a folder to quote", "/bin/sh -c cd 'my app' && npm i;", []entry{{name: "my app/it's/node_modules/a", uid: npmID}},
			CauseNPM, `RUN cd 'my app' && npm i && find '/my app/it'\''s/node_modules' \( ! -user 0 -o ! -group 0 \) -exec chown -h 0:0 {} +`,
		},
		{
			"npm in a folder that no line can hold", "/bin/sh -c npm i", []entry{{name: "a/\x1b[31m\n/node_modules/b", uid: npmID}},
			CauseNPM, `RUN npm i && find /a \( ! -user 0 -o ! -group 0 \) -exec chown -h 0:0 {} +`,
		},
		{
			"tar", "RUN /bin/sh -c curl -fsSL https://x.test/a.tgz | tar -xz -C /opt # buildkit", bad("opt/a"),
			CauseTar, "keep its --mount flags, if it has any: RUN curl -fsSL https://x.test/a.tgz | tar --no-same-owner -xz -C /opt",
		},
		{
			"tar in the old style", "/bin/sh -c tar xzf a.tgz -C /opt && rm a.tgz", bad("opt/a"),
			CauseTar, "RUN tar xzf a.tgz -C /opt --no-same-owner && rm a.tgz",
		},
		{
			"tar that makes an archive is no cause", "/bin/sh -c tar -cf x.tar /usr && ./install", bad("opt/a"),
			CauseUnknown, `RUN tar -cf x.tar /usr && ./install && find /opt -xdev \( -user 1000000 -o -group 1000000 \) -exec chown -h 0:0 {} +`,
		},
		{
			"another shell", "RUN /bin/bash -o pipefail -c curl x | tar -x # buildkit", bad("opt/a"),
			CauseTar, `keep its --mount flags, if it has any: RUN ["/bin/bash", "-o", "pipefail", "-c", "curl x | tar --no-same-owner -x"]`,
		},
		{
			"useradd", "RUN /bin/sh -c useradd -m -u 1000000 big && touch /home/big/x # buildkit", bad("home/big/x"),
			CauseUseradd, "keep its --mount flags, if it has any: RUN useradd -m -u 10001 big && touch /home/big/x",
		},
		{
			"adduser", "RUN /bin/sh -c addgroup -g 1000000 big && adduser -D -u 1000000 -G big big # buildkit", bad("home/big/x"),
			CauseUseradd, "keep its --mount flags, if it has any: RUN addgroup -g 10001 big && adduser -D -u 10001 -G big big",
		},
		{
			"chown", "RUN /bin/sh -c chown -R 1000000:1000000 /data # buildkit", bad("data/x"),
			CauseChown, "keep its --mount flags, if it has any: RUN chown -R 10001:10001 /data",
		},
		{"COPY --chown", "COPY --chown=1000000 --chmod=755 . /app # buildkit", bad("app/x"), CauseCopy, "keep its --from flag, if it has one: COPY --chown=10001 --chmod=755 . /app"},
		{"COPY from a stage", "COPY /out /app # buildkit", bad("app/x"), CauseCopy, "keep its --from flag, if it has one: COPY --chown=0:0 /out /app"},
		{"ADD of an archive", "ADD rootfs.tar.gz / # buildkit", bad("x"), CauseAdd, repack},
		{"ADD of an archive, whose --chown is not for what is in it", "ADD --chown=1:1 rootfs.tar.gz / # buildkit", bad("x"), CauseAdd, repack},
		{"ADD --chown", "ADD --chown=1000000:0 https://x.test/a /a # buildkit", bad("a"), CauseCopy, "ADD --chown=10001:0 https://x.test/a /a"},
		{
			"classic COPY --chown, which history has with no blank", "/bin/sh -c #(nop) COPY --chown=1000000:1000000file:0a1b in /app ", bad("app"),
			CauseCopy, "in this same COPY: write 10001 in place of 1000000",
		},
		{"classic COPY", "/bin/sh -c #(nop) COPY dir:0a1b in /app ", bad("app/x"), CauseBuilder, "probably this COPY has a --from or a --chown, which history does not record: give it --chown=0:0: COPY dir:0a1b in /app"},
		{
			"a chown beside an account of another number", "/bin/sh -c touch /f && chown 1000000:0 /f && adduser -u 70000 x",
			[]entry{{name: "f", uid: 1000000}, {name: "home/x", uid: 70000, gid: 70000}},
			CauseChown, "RUN touch /f && chown 10001:0 /f && adduser -u 10000 x",
		},
		{
			"two owners, one command for both", "/bin/sh -c ./install", []entry{{name: "opt/a/f", uid: 80000}, {name: "opt/b/g", gid: 90000}},
			CauseUnknown, `RUN ./install && find /opt -xdev \( -user 80000 -o -group 90000 \) -exec chown -h 0:0 {} +`,
		},
		{
			"Cygwin", "RUN /bin/sh -c tar -xf q.tar # buildkit", []entry{{name: "opt/q", uid: 197609, gid: 197121}},
			CauseCygwin, "keep its --mount flags, if it has any: RUN tar --no-same-owner -xf q.tar",
		},
		{
			"nothing to go by", "RUN /bin/sh -c touch /x # buildkit", bad("x"),
			CauseUnknown, `keep its --mount flags, if it has any: RUN touch /x && find / -xdev \( -user 1000000 -o -group 1000000 \) -exec chown -h 0:0 {} +`,
		},
		{
			"several lines", "RUN /bin/sh -c set -e\nmake install\n # buildkit", bad("usr/x"),
			CauseUnknown, `in this same RUN: let its last command be: find /usr -xdev \( -user 1000000 -o -group 1000000 \) -exec chown -h 0:0 {} +`,
		},
		{
			"no Dockerfile", "bazel build //:image", bad("usr/x"), CauseBuilder,
			noMaker,
		},
		{
			"only the group", "/bin/sh -c make", []entry{{name: "a/b", uid: 1000, gid: 454177}},
			CauseUnknown, `RUN make && find /a -xdev -group 454177 -exec chgrp -h 0 {} +`,
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			a := New(Options{Map: usual})
			r := a.Report(made(a, t, [][]entry{tc.entries}, tc.by))
			assert.Equal(t, r.Findings[0].Cause, tc.cause)
			for _, f := range r.Findings {
				assert.Equal(t, f.Fix, tc.fix)
			}
		})
	}
}

func TestAccountOfALowerLayer(t *testing.T) {
	a := New(Options{Map: usual})
	r := a.Report(made(a, t, [][]entry{{{name: "etc/passwd-"}}, {{name: "data/x", uid: 1000000}}, {{name: "data/x"}}},
		"RUN /bin/sh -c useradd -u 1000000 big # buildkit", "RUN /bin/sh -c touch /data/x # buildkit", "RUN /bin/sh -c chown root /data/x # buildkit"))
	assert.Equal(t, r.Findings[0].Cause, CauseUseradd)
	assert.Equal(t, r.Findings[0].Fix, "keep its --mount flags, if it has any: RUN useradd -u 10001 big, in place of RUN useradd -u 1000000 big")
}

// A map that ends below 10001, or takes no ID at all, gets no number that is not in it.
func TestRenumberSmallMaps(t *testing.T) {
	for size, want := range map[int64]string{
		65536: "RUN useradd -u 10001 x", 2000: "RUN useradd -u 1999 x",
		1: `RUN useradd -u 70000 x && find /home -xdev -user 70000 -exec chown -h 0:0 {} +`,
	} {
		a := New(Options{Map: single(size)})
		r := a.Report(made(a, t, [][]entry{{{name: "home/x", uid: 70000}}}, "RUN useradd -u 70000 x # buildkit"))
		assert.Equal(t, r.Findings[0].Changes[0].New, want)
	}
}

func TestBase(t *testing.T) {
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	layered := func(gap time.Duration) image.Image {
		return image.Image{
			Layers: []image.Layer{{DiffID: "a"}, {DiffID: "b"}, {DiffID: "c"}},
			Config: image.Config{History: []image.History{
				{Created: day, CreatedBy: "/bin/sh -c #(nop) ADD file:1 in / "},
				{Created: day, CreatedBy: `/bin/sh -c #(nop)  CMD ["bash"]`, Empty: true},
				{Created: day.Add(gap), CreatedBy: "RUN /bin/sh -c x # buildkit"},
				{Created: day.Add(gap), CreatedBy: "RUN /bin/sh -c y # buildkit"},
				{Created: day.Add(gap), CreatedBy: `CMD ["app"]`, Empty: true},
			}},
		}
	}
	assert.Equal(t, baseOf(layered(24*time.Hour), nil).layers, 1)
	assert.Equal(t, baseOf(layered(time.Second), nil).layers, 0, "made at once: unsure")

	squashed := layered(24 * time.Hour)
	squashed.Layers = squashed.Layers[:2]
	assert.Equal(t, baseOf(squashed, nil).layers, 0, "history does not fit the layers")

	low := image.Image{Name: "node:18", Layers: layered(0).Layers[:2]}
	assert.Equal(t, baseOf(layered(0), []image.Image{low}), base{layers: 2, name: "node:18"})
	assert.Equal(t, baseOf(layered(0), []image.Image{layered(0)}).layers, 0, "the image itself is no base")
}

// FuzzCure: whatever history says, there is a fix, on one line.
func FuzzCure(f *testing.F) {
	for _, by := range []string{"RUN /bin/sh -c npm i # buildkit", "|1 A=b /bin/sh -c tar xf a", "useradd -u 1000000 x", "COPY --chown=1000000 a b", "/bin/sh -c #(nop) ADD file:1 in /", "|9", "RUN ", "\x1b]0;x\x07"} {
		f.Add(by, "opt/a\x1b[31m/b", int64(1000000))
	}
	f.Fuzz(func(t *testing.T, by, name string, uid int64) {
		a := New(Options{Map: usual})
		w := newWalk(a)
		h := headerOf(name, uid)
		assert.NilError(t, w.entry(h, strings.NewReader("")))
		a.layers["0"] = w.facts
		r := a.Report(image.Image{Layers: []image.Layer{{Blob: "0"}}, Config: image.Config{History: []image.History{{CreatedBy: by}}}})
		for _, found := range r.Findings {
			assert.Assert(t, found.Fix != "" && found.Cause != "")
			assert.Assert(t, !strings.ContainsFunc(found.Fix, unicode.IsControl), "%q", found.Fix)
		}
	})
}
