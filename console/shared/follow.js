/**
 * Does `work` each time that so much has passed, while the node is in the page and the page is looked at. Nothing is done twice at once,
 * and nothing is taken away under the hands of whoever uses the node.
 */
export function follow(node, everyMs, work) {
  const again = async () => {
    if (!node.isConnected) return
    const isInUse = node.contains(document.activeElement)
    if (!document.hidden && !isInUse) await work()
    setTimeout(again, everyMs)
  }
  setTimeout(again, everyMs)
}
