package picture

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"strings"

	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

const (
	// pngScale is how many pixels a point has, for screens of today, and pngPixels bounds them all: a drawing that is larger has
	// fewer for each point.
	pngScale  = 2
	pngPixels = 8_000_000
	// screenDPI is where a point is a pixel.
	screenDPI = 72
)

// SVG returns the image as an SVG document with its description inside. It is dark for readers whose pages are.
func (m *Image) SVG() []byte {
	c := vgsvg.New(m.width, m.height)
	m.draw(c)
	var b, alt bytes.Buffer
	write(c, &b)
	if err := xml.EscapeText(&alt, []byte(m.alt)); err != nil {
		panic("picture: description cannot be escaped: " + err.Error()) // the buffer takes everything
	}
	const open = "<svg "
	before, after, _ := strings.Cut(b.String(), open)
	head, body, _ := strings.Cut(after, ">")
	return fmt.Appendf(nil, "%s%srole=\"img\" %s><title>%s</title>%s%s", before, open, head, alt.String(), styleSheet(body), steadyText(body))
}

// PNG returns the image in pixels, two for each point unless that were too many, with its description inside. What is outside of the
// card is transparent.
func (m *Image) PNG() []byte {
	c := vgimg.NewWith(vgimg.UseWH(m.width, m.height), vgimg.UseDPI(m.dpi()), vgimg.UseBackgroundColor(color.Transparent))
	m.draw(pixels{c})
	drawn := c.Image().(*image.RGBA) // gonum draws on nothing else
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.DefaultCompression}).Encode(&b, paletted(drawn)); err != nil {
		panic("picture: image cannot be encoded: " + err.Error()) // the buffer takes everything
	}
	return describe(b.Bytes(), m.alt)
}

func write(from io.WriterTo, to *bytes.Buffer) {
	if _, err := from.WriteTo(to); err != nil {
		panic("picture: image cannot be encoded: " + err.Error()) // the buffer takes everything
	}
}

// dpi is how many pixels an inch has, of 72 points.
func (m *Image) dpi() int {
	return int(screenDPI * min(pngScale, math.Sqrt(pngPixels/max(m.width.Points()*m.height.Points(), 1))))
}

// describe puts a description into a PNG, as an iTXt chunk behind its header (PNG specification, third edition, section 11.3.3.4).
func describe(file []byte, text string) []byte {
	const header = 8 + 4 + 4 + 13 + 4 // the signature, and the chunk IHDR with its length, type, content and checksum
	chunk := []byte("iTXtDescription\x00\x00\x00en\x00\x00" + text)
	out := bytes.NewBuffer(make([]byte, 0, len(file)+len(chunk)+8))
	out.Write(file[:header])
	out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(chunk)-len("iTXt"))))
	out.Write(chunk)
	out.Write(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(chunk)))
	out.Write(file[header:])
	return out.Bytes()
}
