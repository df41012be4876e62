// SPDX-License-Identifier: BSD-3-Clause
// node l7_origin.js FOLDER NAME PORT ADDRESS,...: files of a folder over HTTP; the SHA-256 of what is sent to it.
"use strict";
const crypto = require("crypto");
const fs = require("fs");
const http = require("http");
const path = require("path");

const [folder, name, port, addresses] = process.argv.slice(2);

function file(request, response)
{
	const wanted = request.url.split("?")[0].replace(/^\/any\/[^/]*\//, "/");
	const place = path.join(folder, "files", path.normalize(wanted));

	fs.stat(place, (error, stat) => {
		if (error || !stat.isFile()) {
			response.writeHead(404, { "X-Host": name, "Content-Length": 0 });
			response.end();
			return;
		}
		response.writeHead(200, { "X-Host": name, "Content-Length": stat.size });
		fs.createReadStream(place).pipe(response);
	});
}

function digest(request, response)
{
	const hash = crypto.createHash("sha256");

	request.on("data", (piece) => hash.update(piece));
	request.on("end", () => {
		const hex = hash.digest("hex");

		response.writeHead(200, { "X-Host": name, "Content-Length": hex.length });
		response.end(hex);
	});
}

for (const address of addresses.split(",")) {
	const options = { maxHeaderSize: 128 * 1024, keepAliveTimeout: 60000 };

	http.createServer(options, (request, response) => (request.method === "GET" ? file : digest)(request, response))
		.listen({ host: address, port: Number(port), ipv6Only: false, backlog: 1024 });
}
