/**
 * Colours and their grey as Pillow 13.0.0 gives it: `Image.fromarray(colours[None]).convert("L")`, written as base64.
 *
 * Red, green, blue, white, black, yellow, cyan, magenta, (200, 100, 50), grey, then at random.
 */
const decode = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "base64"))

/** [128, 3] */
export const colours = decode(
  "/wAAAP8AAAD/////AAAA//8AAP///wD/yGQygICA7kLL9Gcr+lfDExOKiMzVlEvyviyVmsdzIZ18NO7JuGisAKjBH9bfcRDpEgToIZ8UHPx5vHzZ97tKSRX9onppGEzQBEmc5t+vGBVvxFOoBR8zcF0wPljaCFXRqdsKsGi/omjrXbPhqz6LhAI0YtpnU/Ydfmf36DK7YtCqiUyIDD10f5hswlCuOY8/OmOZR2fn1MaKqB9jhbSu+mb4amG43NCJzvI3ZYLgtbyOsq9bg5Al/mC0cqSDb7YHrlg883OZVplbZaqwz6mg92PMH0gLxQkesEEGsPgtHTkjqKwDiMTbjGdalYxQceq4CnTi56ougY0ve5M+VC82jLhjBhETpjENBFWgG44oPr1HpHXlgH4ZUqJEwBVVKu8SYnAgIQYuXvUtASYoPTjgqLUXUZ0rMa50HACdeekLj7ugM+vORQBXeklYk6m/vO0fRHuS8F6/xZr+IEKvuzk3vz770EIVaIC+",
)
/** [128] */
export const luma = decode(
  "TJYd/wDis2l8gIWKlCG5dGSwdLKIeaBGImmqmsA/hEw+3CB+Gl5fTLSHiJ9nL6mtfnirZTWMfWxdbMNQpaNuy9KEtaaAmZGNb55+lrObNURbyy6YtXGIwGGuf4I7oQ5QRWCKkHN/T5tjE7EbTZ95ghquq7EfWaXHbZWyRGB6Z4A=",
)
