/**
 * The page of `fliqs demo`: runs the network of data.js on an image, with TensorFlow.js on WebAssembly. All that it needs
 * is in the files beside it, as scripts, so that it works from a server and opened from a disk.
 */
"use strict"
;(() => {
  const { fliqsDemo: demo, fliqsWasm: wasm, tf } = window
  const { classes, images, input, layers, metadata, model, weights } = demo
  const { channels, height, width } = input
  const shown = 5

  const byId = (id) => document.getElementById(id)
  const say = (text) => {
    byId("status").textContent = text
    byId("status").hidden = text === ""
  }
  const element = (name, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(name), properties)
    made.append(...children)
    return made
  }
  const percent = (share) => `${(100 * share).toFixed(1)} %`
  const bar = (share) => {
    const made = element("span", { className: "bar", ariaHidden: "true" })
    made.style.width = `${100 * share}%`
    return made
  }

  const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))

  const load = async () => {
    tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false)
    if (!(await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT")))
      throw new Error("this browser has no WebAssembly SIMD")
    const binary = `data:application/wasm;base64,${wasm}`
    const names = ["", "-simd", "-threaded-simd"].map((kind) => `tfjs-backend-wasm${kind}.wasm`)
    tf.wasm.setWasmPaths(Object.fromEntries(names.map((name) => [name, binary])), true)
    await tf.setBackend("wasm")
    await tf.ready()
    const { modelTopology, weightsManifest, ...others } = model
    return tf.loadGraphModel({
      load: async () => ({
        ...others,
        modelTopology,
        weightSpecs: weightsManifest.flatMap((group) => group.weights),
        weightData: bytesOf(weights).buffer,
      }),
    })
  }

  /** The largest middle part of the image in the network's own proportions, as RGBA bytes. */
  const pixelsOf = (image, [from, to]) => {
    const canvas = byId("seen")
    Object.assign(canvas, { width, height })
    const context = canvas.getContext("2d", { willReadFrequently: true })
    const scale = Math.min(from / width, to / height)
    const [w, h] = [width * scale, height * scale]
    context.imageSmoothingQuality = "high"
    context.fillStyle = "#fff"
    context.fillRect(0, 0, width, height)
    context.drawImage(image, (from - w) / 2, (to - h) / 2, w, h, 0, 0, width, height)
    return context.getImageData(0, 0, width, height).data
  }

  /** [height, width, channels]; one channel is the luma of BT.601. */
  const inputOf = (pixels) =>
    Int32Array.from({ length: width * height * channels }, (_, i) => {
      const at = 4 * Math.floor(i / channels)
      if (channels === 3) return pixels[at + (i % channels)]
      return Math.round(0.299 * pixels[at] + 0.587 * pixels[at + 1] + 0.114 * pixels[at + 2])
    })

  const softmax = (logits) => {
    const largest = Math.max(...logits)
    const powers = Array.from(logits, (logit) => Math.exp(logit - largest))
    const sum = powers.reduce((a, b) => a + b, 0)
    return powers.map((power) => power / sum)
  }

  const run = (network, values) => {
    const start = performance.now()
    const logits = tf.tidy(() => {
      const tensor = tf.tensor(values, [1, height, width, channels], "int32")
      return network.execute({ images: tensor }, "logits").dataSync()
    })
    return { probabilities: softmax(logits), milliseconds: performance.now() - start }
  }

  const classify = (network, image, size, words) => {
    const { milliseconds, probabilities } = run(network, inputOf(pixelsOf(image, size)))
    const best = [...probabilities.keys()]
      .sort((a, b) => probabilities[b] - probabilities[a])
      .slice(0, shown)
    byId("of").textContent = words
    byId("top").replaceChildren(
      ...best.map((i) =>
        element("li", {}, `${classes[i]}: ${percent(probabilities[i])}`, bar(probabilities[i])),
      ),
    )
    byId("time").textContent =
      `${milliseconds.toFixed(1)} ms on this machine, TensorFlow.js ${tf.version_core} on WebAssembly`
  }

  /** The answer to the image asked for last is shown, whichever is decoded first. */
  let asked = 0
  const newest = async (work) => {
    const mine = ++asked
    try {
      const ready = await work()
      if (mine === asked) {
        ready()
        say("")
      }
    } catch (error) {
      if (mine === asked) say(String(error.message))
    }
  }

  const showImages = (network) => {
    byId("images").replaceChildren(
      ...images.map(({ label, png }, i) => {
        const name = `Test image ${i + 1}: ${classes[label]}`
        const radio = element("input", { type: "radio", name: "image", value: String(i) })
        const picture = element("img", { src: png, alt: "", width, height })
        radio.setAttribute("aria-label", name)
        radio.addEventListener("change", () =>
          newest(async () => {
            await picture.decode()
            byId("file").value = ""
            return () => classify(network, picture, [width, height], name)
          }),
        )
        return element("label", {}, radio, picture, classes[label])
      }),
    )
  }

  const showOwn = (network, file) =>
    newest(async () => {
      const image = await createImageBitmap(file).catch(() => {
        throw new Error(`${file.name} is no image that this browser reads`)
      })
      for (const radio of document.querySelectorAll("#images input")) radio.checked = false
      return () => classify(network, image, [image.width, image.height], file.name)
    })

  const takeFiles = (network) => {
    const field = byId("file")
    field.addEventListener("change", () => {
      if (field.files.length > 0) void showOwn(network, field.files[0])
    })
    document.addEventListener("dragover", (event) => {
      event.preventDefault()
      document.body.classList.add("over")
    })
    document.addEventListener("dragleave", () => document.body.classList.remove("over"))
    document.addEventListener("drop", (event) => {
      event.preventDefault()
      document.body.classList.remove("over")
      const [file] = event.dataTransfer.files
      if (file !== undefined) void showOwn(network, file)
    })
  }

  const showLayers = () => {
    byId("name").textContent = demo.name
    byId("summary").textContent =
      `Found by fliqs ${metadata["fliqs.version"]}, trial ${metadata["fliqs.trial"]}. It runs in this browser; no image leaves it.`
    document.title = `${demo.name}: a network found by fliqs`
    byId("cost").textContent = `The cost of all layers: ${demo.cost.total} ${demo.cost.unit}`
    byId("layers").replaceChildren(
      ...layers.map(({ activations, kind, macs, path, share, weights: format }) =>
        element(
          "tr",
          {},
          element("th", { scope: "row" }, path),
          ...[kind, format, activations].map((text) => element("td", {}, text)),
          element("td", { className: "number" }, (macs / 1e6).toPrecision(3)),
          element("td", { className: "number" }, percent(share), bar(share)),
        ),
      ),
    )
  }

  showLayers()
  load().then(
    (network) => {
      // The first run compiles and packs the weights: its time would be another.
      run(network, new Int32Array(width * height * channels))
      showImages(network)
      takeFiles(network)
      say("")
    },
    (error) => say(`The network cannot run here: ${error.message}`),
  )
})()
