"""What a report says of itself, as a program that knows nothing of us reads it: standards, structure, texts for figures, files."""

import hashlib
import json
import sys

import pikepdf

pdf = pikepdf.open(sys.argv[1])
said = {"roles": {}, "alts": [], "fonts": []}
with pdf.open_metadata() as xmp:
    said["pdfa"] = f"{xmp.get('pdfaid:part')}{xmp.get('pdfaid:conformance')}"
    said["pdfua"] = xmp.get("pdfuaid:part")
    said["title"] = xmp.get("dc:title")
said["lang"] = str(pdf.Root.get("/Lang"))
said["marked"] = bool(pdf.Root.MarkInfo.Marked)


def walk(node, depth=0):
    if depth > 200 or not isinstance(node, (pikepdf.Dictionary, pikepdf.Array)):
        return
    if isinstance(node, pikepdf.Array):
        for child in node:
            walk(child, depth + 1)
        return
    role = node.get("/S")
    if role is not None:
        role = str(role)
        said["roles"][role] = said["roles"].get(role, 0) + 1
        if role == "/Figure":
            said["alts"].append(str(node.get("/Alt", "")))
    if "/K" in node:
        walk(node.K, depth + 1)


walk(pdf.Root.StructTreeRoot)
for page in pdf.pages:
    for font in (page.get("/Resources") or {}).get("/Font", {}).values():
        for one in font.get("/DescendantFonts", [font]):
            about = one.get("/FontDescriptor")
            is_in = about is not None and any(k in about for k in ("/FontFile", "/FontFile2", "/FontFile3"))
            said["fonts"].append([str(one.BaseFont), is_in])
said["attached"] = {}
for name, spec in pdf.attachments.items():
    data = spec.get_file().read_bytes()
    said["attached"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "relationship": str(spec.obj.get("/AFRelationship"))}
# Everything that is in the file, unpacked, is looked through for what must not be there.
words = sys.argv[2:]
said["found"] = []
for obj in pdf.objects:
    if isinstance(obj, pikepdf.Stream):
        data = obj.read_bytes()
        said["found"] += [w for w in words if w.encode() in data or w.encode("utf-16-be") in data]
print(json.dumps(said))
