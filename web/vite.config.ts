import { defineConfig } from "vite";

const API = "http://127.0.0.1:7700";

export default defineConfig({
  // Served by the API, from the Python package.
  build: { outDir: "../src/visavis/web", emptyOutDir: true, target: "es2022", chunkSizeWarningLimit: 900 },
  // `npm run dev` beside a running `visavis up`.
  server: { proxy: { "/v1": API, "/studio-config.json": { target: API, changeOrigin: true } } },
});
