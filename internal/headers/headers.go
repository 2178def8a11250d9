// Package headers brings the headers of layers from the machine that has the blobs to
// the one that audits them. [Serve] runs there: it decompresses blobs, checks their
// digests, and sends the tar in each without the bodies of its files. [Receive] runs
// here, and believes nothing of what it reads.
//
// The answer is a series of gzip members, one for each blob, in any order. A member
// holds the blob's number, then events, each of which begins with a varint: 2n+1 for n
// bytes of the tar, which follow, 2n for n bytes that are left out, 0 for the end. Behind
// the end stand a byte of flags, the blob's digest and an error, both as a varint of
// their length and a text.
package headers

// What the byte of flags has: lateFlag, if there was no time to read the blob to its end,
// and how it is packed, as an unpack.Form, in the bits behind.
const (
	lateFlag  = 1
	formShift = 1
)

// Limits in bytes.
const (
	maxEvent   = 64 << 10 // of the tar that stand together
	maxText    = 4 << 10  // of a digest or an error
	maxAccount = 1 << 20  // of a passwd or a group that is sent
	blockSize  = 512      // of a tar: headers are whole blocks
)
