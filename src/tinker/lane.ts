/** Requests of one model, submitted one after the other in the order of the calls, while their results are awaited side by side. */

/**
 * The number of a request is its idempotency key: the same number with the same content is the same request, however often it is
 * sent. A number is only used up when the server took the request.
 */
export class Lane {
  #tail: Promise<void> = Promise.resolve()
  #used = 0

  /** Numbers used so far. */
  get used(): number {
    return this.#used
  }

  /**
   * Sends when all earlier requests were taken. When one of them was refused, this one is not sent but rejected with the same
   * error: an optimiser step must not run without its gradients.
   */
  submit<T>(send: (seqId: number) => Promise<T>): Promise<T> {
    const sent = this.#tail.then(async () => {
      const answer = await send(this.#used + 1)
      this.#used += 1
      return answer
    })
    const tail = sent.then(() => undefined)
    this.#tail = tail
    return tail.then(
      () => sent,
      (error: unknown) => {
        // Nobody queues behind the refused request any more: the lane is free again before the caller hears of it.
        if (this.#tail === tail) this.#tail = Promise.resolve()
        throw error
      },
    )
  }
}
