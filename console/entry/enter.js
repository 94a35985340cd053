import { isNow } from '../shared/me.js'
import { askSecondFactor } from './second-factor.js'

/** Goes on after the answer of a sign-in: it is complete, or a second factor is asked for in `place`. */
export async function enter(answer, place) {
  if (answer.secondFactorRequired) place.replaceChildren(...askSecondFactor(answer, place))
  else await isNow(answer.user)
}
